/** Checks of single settings. The message of a failed check follows the key, as in `port must be ...`. */
import { isIPv4 } from 'node:net';

export type Check = (value: unknown) => string | undefined;

export const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    typeof value === 'string' && allowed.includes(value)
      ? undefined
      : `must be one of ${allowed.map((word) => `"${word}"`).join(', ')}`;

export const integer =
  (min: number, max: number, what: string): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be ${what}, ${min} to ${max}`;

export const number =
  (min: number, max: number, what: string): Check =>
  (value) =>
    typeof value === 'number' && value >= min && value <= max ? undefined : `must be ${what}, ${min} to ${max}`;

export const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a string');

/** Addresses that only this machine can reach. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));

export const loopback: Check = (value) =>
  typeof value === 'string' && isLoopback(value)
    ? undefined
    : 'must be an address that only this machine can reach, such as "127.0.0.1"; to connect from other machines, use ssh -L';

export const bool: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');

/** A string that matches this pattern. */
export const written =
  (pattern: RegExp, rule: string): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? undefined : `must be ${rule}`;

/** A list of strings that match this pattern. */
export const listOf =
  (pattern: RegExp, rule: string): Check =>
  (value) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string' && pattern.test(item))
      ? undefined
      : `must be a list of ${rule}`;

export const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** A range of unprivileged ports. */
export const portRange: Check = (value) => {
  const match = typeof value === 'string' ? /^(\d{1,5})-(\d{1,5})$/.exec(value) : null;
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return match && first >= 1024 && first <= last && last <= 65535
    ? undefined
    : 'must be a range of ports such as "18000-18999"';
};
