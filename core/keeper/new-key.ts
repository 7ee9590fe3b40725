/** Makes keys on the machine of the person who will use them: the queen only ever gets their hash. */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { RbeeError } from '../contract/errors.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

export const newKeyId = (): string => Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');

/** A new key with this id: 256 random bits. */
export const newKey = (id: string): { key: string; hash: string } => {
  const key = `rbee_${id}_${randomBytes(32).toString('base64url')}`;
  return { key, hash: createHash('sha256').update(key).digest('hex') };
};

/** Throws USAGE. */
export const checkKeyName = (name: string): void => {
  if (/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/.test(name)) return;
  const problem = `"${name}" cannot be the name of a key: use letters, digits and . _ @ -`;
  throw RbeeError.of('USAGE', { problem, help: 'rbee key create --help' });
};

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 7 * 86_400 };

/** Seconds of `90s`, `15m`, `12h`, `30d`, `2w`. Throws USAGE. */
export const parseSeconds = (
  text: string,
  { flag, help, orDate = '' }: { flag: string; help: string; orDate?: string },
): number => {
  const match = /^(\d{1,6})([smhdw])$/.exec(text.trim());
  const seconds = Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw RbeeError.of('USAGE', {
    problem: `${flag} "${text}" is not a time; write 12h, 30d${orDate || ' or 2w'}`,
    help,
  });
};

/** The end of a time such as `30d` from now, or a date such as `2027-01-31`; ISO 8601. Throws USAGE. */
export const parseExpiry = (text: string, help: string, now = Date.now()): string => {
  if (!/^\d{4}-\d\d-\d\d/.test(text))
    return new Date(
      now + parseSeconds(text, { flag: '--expires', help, orDate: ' or 2027-01-31' }) * 1_000,
    ).toISOString();
  const date = Date.parse(text);
  if (date > now) return new Date(date).toISOString();
  const problem = `--expires "${text}" is ${Number.isNaN(date) ? 'not a date' : 'in the past'}`;
  throw RbeeError.of('USAGE', { problem: `${problem}; write 30d or 2027-01-31`, help });
};
