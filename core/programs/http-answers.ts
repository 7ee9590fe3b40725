/** What a server's answer to "the rest from here" means, and which failures are worth another try. */
import { RbeeError } from '../contract/errors.ts';
import type { Incoming } from './http-agent.ts';

export type Answer =
  /** Bytes of the file, from this offset; `total` is the size of the whole file where it is known. */
  | { kind: 'bytes'; from: number; total: number | undefined; validator: string | null }
  /** There is no rest: all of it is here. */
  | { kind: 'whole' }
  /** Bytes that do not fit to those that are here. */
  | { kind: 'elsewhere' }
  | { kind: 'failed'; problem: string; transient: boolean };

/** `have`: bytes that are here; the answer is to a request for those that follow. */
export const answerOf = ({ status, headers }: Pick<Incoming, 'status' | 'headers'>, have: number): Answer => {
  const range = text(headers['content-range']);
  if (status === 200) {
    const length = Number(text(headers['content-length']) ?? Number.NaN);
    return { kind: 'bytes', from: 0, total: known(length), validator: validatorOf(headers) };
  }
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? [];
    if (Number(from) !== have) return { kind: 'elsewhere' };
    return { kind: 'bytes', from: have, total: known(Number(total)), validator: validatorOf(headers) };
  }
  if (status === 416) return range === `bytes */${have}` ? { kind: 'whole' } : { kind: 'elsewhere' };
  const transient = status === 408 || status === 425 || status === 429 || status >= 500;
  return { kind: 'failed', problem: `the server answers ${status}`, transient };
};

/** Milliseconds that the server asks to wait; 0 when it does not say. */
export const retryAfterMs = ({ headers }: Pick<Incoming, 'headers'>): number => {
  const seconds = Number(text(headers['retry-after']) ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
};

/** A failure that may pass: the same request is worth another try. */
export class TransientError extends Error {
  /** Milliseconds to wait at least. */
  readonly waitMs: number;

  constructor(message: string, cause: unknown, waitMs = 0) {
    super(message, { cause });
    this.waitMs = waitMs;
  }

  /** A failed connection as what it is: one that may pass, or DOWNLOAD_FAILED at once. */
  static from(error: unknown, url: string): Error {
    const { code = '', name, message } = error as NodeJS.ErrnoException;
    if (name === 'AbortError') return error as Error;
    const problem = problems[code] ?? (message || code || String(error));
    // A name that does not exist and a certificate that is not trusted stay so.
    if (code === 'ENOTFOUND' || code.startsWith('ERR_TLS') || /CERT|SIGNATURE|ERR_INVALID_ARG/.test(code))
      return RbeeError.of('DOWNLOAD_FAILED', { url: plainUrl(url), problem }, { cause: error });
    return new TransientError(problem, error);
  }
}

const problems: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'the server cannot be reached in time',
  UND_ERR_HEADERS_TIMEOUT: 'the server does not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
  UND_ERR_SOCKET: 'the connection broke',
  ECONNRESET: 'the connection broke',
};

/** A URL for messages: without password and query, which may hold secrets. */
export const plainUrl = (url: string): string => {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : url.slice(0, 200);
};

/** Only a strong ETag promises the same bytes; a date does for files that are not rewritten every second. */
const validatorOf = (headers: Incoming['headers']): string | null => {
  const etag = text(headers['etag']);
  if (etag?.startsWith('"')) return etag;
  return etag === undefined ? (text(headers['last-modified']) ?? null) : null;
};

const text = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const known = (size: number): number | undefined => (Number.isSafeInteger(size) && size >= 0 ? size : undefined);
