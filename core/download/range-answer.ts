/** What a server's answer to a range request means. */
import type { Incoming } from './http-agent.ts';

export type RangeAnswer =
  /** Bytes of the file, from this offset; `total` is the size of the whole file where it is known. */
  | { kind: 'bytes'; from: number; total: number | undefined; validator: string | null }
  /** Nothing is missing. */
  | { kind: 'complete' }
  /** Bytes that do not continue the part on disk. */
  | { kind: 'mismatch' }
  | { kind: 'failed' };

/** `have`: bytes on disk; the request asked for those that follow. */
export const readRangeAnswer = (
  { status, headers }: Pick<Incoming, 'status' | 'headers'>,
  have: number,
): RangeAnswer => {
  const range = text(headers['content-range']);
  if (status === 200) {
    const length = Number(text(headers['content-length']) ?? Number.NaN);
    return { kind: 'bytes', from: 0, total: known(length), validator: validatorOf(headers) };
  }
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? [];
    if (Number(from) !== have) return { kind: 'mismatch' };
    return { kind: 'bytes', from: have, total: known(Number(total)), validator: validatorOf(headers) };
  }
  if (status === 416) return range === `bytes */${have}` ? { kind: 'complete' } : { kind: 'mismatch' };
  return { kind: 'failed' };
};

/** Only a strong ETag guarantees identical bytes; a date is good enough where there is no ETag at all. */
const validatorOf = (headers: Incoming['headers']): string | null => {
  const etag = text(headers['etag']);
  if (etag?.startsWith('"')) return etag;
  return etag === undefined ? (text(headers['last-modified']) ?? null) : null;
};

const text = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const known = (size: number): number | undefined => (Number.isSafeInteger(size) && size >= 0 ? size : undefined);
