/** The numbers of a range as the texts that JSON has for them. */
import { type Automaton, intersect, multiplesOf } from './automaton.ts';
import type { Budget } from './budget.ts';
import { textsWith } from './pattern.ts';

export interface Bound {
  value: number;
  exclusive: boolean;
}

export interface NumberRange {
  integer: boolean;
  min?: Bound | undefined;
  max?: Bound | undefined;
  /** Whole numbers. */
  divisors: readonly number[];
}

/** Digits that every reader of JSON keeps: a double holds 15 exactly. */
const exactDigits = 15;
const largest = 10n ** BigInt(exactDigits) - 1n;
/** Digits after the point, beyond those of the bounds. */
const fractionDigits = 6;

/** Some numbers of the range, all of them where it is not too wide: none beyond 15 digits. */
export const numberTexts = (range: NumberRange, budget: Budget): Automaton => {
  const integer = range.integer || range.divisors.length > 0;
  const texts = textsWith(`^(${integer ? integers(range) : decimals(range)})$`, budget);
  return range.divisors.reduce((all, divisor) => intersect(all, multiplesOf(divisor, budget), budget), texts);
};

export const inRange = (value: number, { integer, min, max, divisors }: NumberRange): boolean =>
  (!integer || Number.isInteger(value)) &&
  (min === undefined || (min.exclusive ? value > min.value : value >= min.value)) &&
  (max === undefined || (max.exclusive ? value < max.value : value <= max.value)) &&
  divisors.every((divisor) => Number.isInteger(value / divisor));

/** Matches nothing. */
const none = '[^\\s\\S]';

const integers = ({ min, max }: NumberRange): string => {
  if (min === undefined && max === undefined) return '0|-?[1-9][0-9]{0,14}';
  const low =
    min === undefined ? -largest : within(Math.ceil(min.value), min.exclusive && Number.isInteger(min.value), 1n);
  const high =
    max === undefined ? largest : within(Math.floor(max.value), max.exclusive && Number.isInteger(max.value), -1n);
  if (low > high) return none;
  const parts: string[] = [];
  if (low < 0n) parts.push(`-(${between(high < 0n ? -high : 1n, -low, 0)})`);
  if (high >= 0n) parts.push(between(low > 0n ? low : 0n, high, 0));
  return parts.filter((part) => part !== '-()').join('|');
};

/** A bound as a whole number; one that is beyond all numbers that are made is moved to just beyond them. */
const within = (value: number, exclusive: boolean, inward: bigint): bigint => {
  if (value > Number(largest)) return largest + (inward > 0n ? 1n : 0n);
  if (value < -Number(largest)) return -largest - (inward < 0n ? 1n : 0n);
  return BigInt(value) + (exclusive ? inward : 0n);
};

const decimals = ({ min, max }: NumberRange): string => {
  if (min === undefined && max === undefined) return '-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?';
  const places = Math.max(placesOf(min?.value), placesOf(max?.value));
  const unit = 10n ** BigInt(places);
  const low = {
    value: min === undefined ? -largest * unit : scaled(min.value, places),
    exclusive: min?.exclusive ?? false,
  };
  const high = {
    value: max === undefined ? largest * unit : scaled(max.value, places),
    exclusive: max?.exclusive ?? false,
  };
  const parts: string[] = [];
  if (high.value >= 0n) {
    parts.push(magnitudes(low.value >= 0n ? low : { value: 0n, exclusive: false }, high, places));
  }
  if (low.value < 0n) {
    const least = high.value < 0n ? { ...high, value: -high.value } : { value: 0n, exclusive: true };
    parts.push(`-(${magnitudes(least, { ...low, value: -low.value }, places)})`);
  }
  return parts.join('|');
};

interface ScaledBound {
  value: bigint;
  exclusive: boolean;
}

/** Numbers from zero up, whose bounds are given as multiples of the last decimal place. */
const magnitudes = (low: ScaledBound, high: ScaledBound, places: number): string => {
  const more = Math.max(0, Math.min(fractionDigits, exactDigits - String(high.value).length));
  const point = places === 0 ? '\\.' : '';
  const optional = more === 0 ? '' : places === 0 ? `(\\.[0-9]{1,${more}})?` : `[0-9]{0,${more}}`;
  const parts: string[] = [];
  const from = low.exclusive ? low.value + 1n : low.value;
  if (from < high.value) parts.push(`(${between(from, high.value - 1n, places)})${optional}`);
  if (low.exclusive && more > 0 && low.value < high.value) {
    parts.push(`(${between(low.value, low.value, places)})${point}[0-9]{0,${more - 1}}[1-9]`);
  }
  if (!high.exclusive && from <= high.value) parts.push(between(high.value, high.value, places));
  return parts.length === 0 ? none : parts.join('|');
};

/** Decimal places of a number as JavaScript writes it. */
const placesOf = (value: number | undefined): number => {
  const { fraction, exponent } = written(value ?? 0);
  return Math.min(maxPlaces, Math.max(0, fraction.length - exponent));
};
const maxPlaces = 30;

const scaled = (value: number, places: number): bigint => {
  const edge = largest * 10n ** BigInt(places);
  if (value > Number(largest)) return edge + 1n;
  if (value < -Number(largest)) return -edge - 1n;
  const { sign, whole, fraction, exponent } = written(value);
  const shift = places + exponent - fraction.length;
  const digits = BigInt(whole + fraction);
  return (sign === '-' ? -1n : 1n) * (shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift));
};

const written = (value: number) => {
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return { sign, whole, fraction, exponent: Number(exponent) };
};

/** The numbers from `low` to `high`, both 0 or more, with a point before the last `places` digits. */
const between = (low: bigint, high: bigint, places: number): string => {
  const parts: string[] = [];
  for (
    let length = Math.max(places + 1, String(low).length);
    length <= Math.max(places + 1, String(high).length);
    length += 1
  ) {
    const first = length === places + 1 ? 0n : 10n ** BigInt(length - 1);
    const last = 10n ** BigInt(length) - 1n;
    const text = (value: bigint) => String(value).padStart(length, '0');
    if (low <= last && high >= first) {
      parts.push(digits(text(low > first ? low : first), text(high < last ? high : last), places));
    }
  }
  return parts.join('|');
};

/** Both texts have the same number of digits. */
const digits = (low: string, high: string, places: number): string => {
  if (low === '') return '';
  const point = low.length === places ? '\\.' : '';
  const [a, b] = [low.charAt(0), high.charAt(0)];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (a === b) return `${point}${a}${digits(lowRest, highRest, places)}`;
  const parts = [`${a}${digits(lowRest, '9'.repeat(lowRest.length), places)}`];
  if (Number(b) - Number(a) > 1) parts.push(`[${Number(a) + 1}-${Number(b) - 1}]${anyDigits(lowRest.length, places)}`);
  parts.push(`${b}${digits('0'.repeat(highRest.length), highRest, places)}`);
  return `${point}(${parts.join('|')})`;
};

const anyDigits = (length: number, places: number): string => {
  if (places === 0 || length < places) return `[0-9]{${length}}`;
  return `[0-9]{${length - places}}\\.[0-9]{${places}}`;
};
