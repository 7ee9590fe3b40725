/** Automata for the JSON texts of the numbers in a range. */
import { type Automaton, type Found, fromPlaces, intersect, multiplesOf } from './automaton.ts';
import { type Budget, createBudget } from './budget.ts';
import { textsWith } from './pattern.ts';

export interface Bound {
  value: number;
  exclusive: boolean;
}

export interface NumberRange {
  integer: boolean;
  min?: Bound;
  max?: Bound;
  /** Whole numbers. */
  divisors: readonly number[];
}

/** Digits that every JSON parser preserves: a double holds 15 exactly. */
const exactDigits = 15;
const largest = 10n ** BigInt(exactDigits) - 1n;
/** Decimals beyond those of the bounds. */
const fractionDigits = 6;

/** Numbers of the range with at most 15 digits: all of them if the range is not too wide. */
export const numberTexts = (range: NumberRange, budget: Budget): Automaton => {
  const integer = range.integer || range.divisors.length > 0;
  const free = range.min === undefined && range.max === undefined;
  const bounded = () => (integer ? integers(range, budget) : decimals(range, budget));
  const texts = free ? (integer ? anyInteger() : anyNumber()) : bounded();
  return range.divisors.reduce((all, divisor) => intersect(all, multiplesOf(divisor, budget), budget), texts);
};

export const inRange = (value: number, { integer, min, max, divisors }: NumberRange): boolean =>
  (!integer || Number.isInteger(value)) &&
  (min === undefined || (min.exclusive ? value > min.value : value >= min.value)) &&
  (max === undefined || (max.exclusive ? value < max.value : value <= max.value)) &&
  divisors.every((divisor) => Number.isInteger(value / divisor));

/** The most frequent automata, cached. */
const once = (pattern: string) => {
  let made: Automaton | undefined;
  return () => {
    made ??= textsWith(pattern, createBudget());
    return made;
  };
};
const anyInteger = once('^(0|-?[1-9][0-9]{0,14})$');
const anyNumber = once('^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?$');

const integers = ({ min, max }: NumberRange, budget: Budget): Automaton => {
  const low = min === undefined ? -largest : within(Math.ceil(min.value));
  const high = max === undefined ? largest : within(Math.floor(max.value));
  const lowOpen = min?.exclusive === true && Number.isInteger(min.value);
  const highOpen = max?.exclusive === true && Number.isInteger(max.value);
  return between({ value: low, open: lowOpen }, { value: high, open: highOpen }, { places: 0, more: 0 }, budget);
};

const decimals = ({ min, max }: NumberRange, budget: Budget): Automaton => {
  const places = Math.max(placesOf(min?.value), placesOf(max?.value));
  const edge = largest * 10n ** BigInt(places);
  const low = { value: min === undefined ? -edge : scaled(min.value, places), open: min?.exclusive ?? false };
  const high = { value: max === undefined ? edge : scaled(max.value, places), open: max?.exclusive ?? false };
  const longest = Math.max(...[low, high].map(({ value }) => String(value).length));
  const more = Math.max(0, Math.min(fractionDigits, exactDigits + 1 - longest));
  return between(low, high, { places, more }, budget);
};

/** A bound as a bigint. Bounds beyond `largest` become `largest + 1`, which excludes nothing that can be generated. */
const within = (value: number): bigint => {
  if (value > Number(largest)) return largest + 1n;
  if (value < -Number(largest)) return -largest - 1n;
  return BigInt(value);
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

interface End {
  /** In units of the last decimal place. */
  value: bigint;
  /** Whether the value itself is outside the range. */
  open: boolean;
}

/** Unsigned numbers from one bound to the other; both bounds have at least `places` digits. */
interface Span {
  low: string;
  lowOpen: boolean;
  high: string;
  highOpen: boolean;
}

/** `places` decimals are always written, then up to `more`. */
interface Decimals {
  places: number;
  more: number;
}

const between = (low: End, high: End, decimals: Decimals, budget: Budget): Automaton => {
  const digits = (value: bigint) => String(value).padStart(decimals.places + 1, '0');
  const span = (from: End, to: End): Span | undefined =>
    from.value > to.value
      ? undefined
      : { low: digits(from.value), lowOpen: from.open, high: digits(to.value), highOpen: to.open };
  const negated = ({ value, open }: End): End => ({ value: -value, open });
  const plus = high.value < 0n ? undefined : span(low.value < 0n ? { value: 0n, open: false } : low, high);
  // Zero has no minus sign.
  const minus =
    low.value >= 0n ? undefined : span(high.value < 0n ? negated(high) : { value: 0n, open: true }, negated(low));
  return fromSpans(plus, minus, decimals, budget);
};

/** Compares the digits so far with the same number of digits of the low and the high bound. */
interface Compared {
  low: number;
  high: number;
}

type Place =
  | { at: 'start' }
  /** After this many digits of the integer part. */
  | ({ at: 'whole' | 'zero'; span: Span; count: number } & Compared)
  /** After this many decimals. */
  | ({ at: 'decimals'; span: Span; count: number } & Compared)
  /** After this many digits beyond the bounds; one of them must not be zero if the low bound itself is outside the range. */
  | { at: 'more'; count: number; zero: boolean };

const fromSpans = (
  plus: Span | undefined,
  minus: Span | undefined,
  { places, more }: Decimals,
  budget: Budget,
): Automaton => {
  const begin = (span: Span): Place => ({ at: 'whole', span, count: 0, low: 0, high: 0 });

  const look = (place: Place): Found<Place> => {
    if (place.at === 'start') return start();
    if (place.at === 'more') return moreDigits(place.count, place.zero, place.count > 0 && !place.zero);
    return place.at === 'decimals' ? decimalDigits(place) : whole(place);
  };

  const start = (): Found<Place> => ({
    accept: false,
    edges: [
      ...(plus === undefined ? [] : look(begin(plus)).edges),
      ...(minus === undefined ? [] : [{ set: char('-'), to: begin(minus) }]),
    ],
  });

  const whole = (place: Place & { at: 'whole' | 'zero' }): Found<Place> => {
    const { span, count } = place;
    const [lowLength, highLength] = [span.low.length - places, span.high.length - places];
    const edges: Found<Place>['edges'] = [];
    if (place.at === 'whole' && count < highLength) {
      for (let digit = 0; digit < 10; digit += 1) {
        const next = compare(place, digit, span.low[count], span.high[count]);
        edges.push({
          set: char(String(digit)),
          to: { at: count === 0 && digit === 0 ? 'zero' : 'whole', span, count: count + 1, ...next },
        });
      }
    }
    if (count === 0) return { accept: false, edges };
    // A number with more digits is larger.
    const compared = {
      low: count === lowLength ? place.low : count - lowLength,
      high: count === highLength ? place.high : count - highLength,
    };
    if (places > 0) {
      if (compared.low >= 0 && compared.high <= 0) {
        edges.push({ set: char('.'), to: { at: 'decimals', span, count: 0, ...sign(compared) } });
      }
      return { accept: false, edges };
    }
    const after = ended(span, compared);
    if (after.more !== undefined) edges.push({ set: char('.'), to: { at: 'more', count: 0, zero: after.more.zero } });
    return { accept: after.accept, edges };
  };

  const decimalDigits = (place: Place & { at: 'decimals' }): Found<Place> => {
    const { span, count } = place;
    if (count === places) {
      const { accept, more: open } = ended(span, place);
      return { accept, edges: open === undefined ? [] : moreDigits(0, open.zero, false).edges };
    }
    const edges: Found<Place>['edges'] = [];
    for (let digit = 0; digit < 10; digit += 1) {
      const next = compare(place, digit, span.low.at(count - places), span.high.at(count - places));
      if (next.low < 0 || next.high > 0) continue;
      edges.push({ set: char(String(digit)), to: { at: 'decimals', span, count: count + 1, ...next } });
    }
    return { accept: false, edges };
  };

  /** Whether a number can end here, and whether more decimals can follow. */
  const ended = ({ lowOpen, highOpen }: Span, { low, high }: Compared) => ({
    accept: (low > 0 || (low === 0 && !lowOpen)) && (high < 0 || (high === 0 && !highOpen)),
    more: more > 0 && low >= 0 && high < 0 ? { zero: low === 0 && lowOpen } : undefined,
  });

  const moreDigits = (count: number, zero: boolean, accept: boolean): Found<Place> => {
    if (count === more) return { accept, edges: [] };
    const next = (still: boolean): Place => ({ at: 'more', count: count + 1, zero: still });
    return {
      accept,
      edges: [
        { set: char('0'), to: next(zero) },
        { set: [[49, 57]], to: next(false) },
      ],
    };
  };

  const keyOf = (place: Place): string => {
    if (place.at === 'start') return 'start';
    if (place.at === 'more') return `more ${place.count} ${place.zero}`;
    return `${place.at} ${place.span === plus} ${place.count} ${place.low} ${place.high}`;
  };
  return fromPlaces<Place>({ at: 'start' }, keyOf, look, budget);
};

const char = (text: string) => [[text.charCodeAt(0), text.charCodeAt(0)]] as const;

/** The first digit that differs decides. */
const compare = ({ low, high }: Compared, digit: number, ofLow = '0', ofHigh = '0'): Compared =>
  sign({ low: low || digit - Number(ofLow), high: high || digit - Number(ofHigh) });

const sign = ({ low, high }: Compared): Compared => ({ low: Math.sign(low), high: Math.sign(high) });
