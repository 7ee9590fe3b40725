/** Failures of a registry or package, in the kinds of `fetch-calls.ts`. */
import type { FetchFailure } from './fetch-calls.ts';

export class FetchError extends Error {
  readonly failure: FetchFailure;

  constructor(kind: FetchFailure['kind'], what: string, problem: string, cause?: unknown) {
    super(problem, { cause });
    this.failure = { kind, what, problem };
  }

  /** The package exists, but the version does not. */
  static noVersion(what: string, versions: { asked: string; known: string }): FetchError {
    const error = new FetchError('missing', what, `it has no version ${versions.asked}`);
    Object.assign(error.failure, { versions });
    return error;
  }
}

/** Turns an error of npm's libraries into one of the kinds; `what` is the requested package or registry. */
export const asFailure = (thrown: unknown, what: string): FetchFailure => {
  if (thrown instanceof FetchError) return thrown.failure;
  const { code = '', message, statusCode } = thrown as { code?: string; message: string; statusCode?: number };
  const fail = (kind: FetchFailure['kind'], problem: string): FetchFailure => ({ kind, what, problem });
  if (code === 'ENOTCACHED') return fail('unreachable', 'it is not in the cache, and the network may not be used');
  if (code === 'EINTEGRITY')
    return fail('refused', 'the download does not match the checksum in the registry (sha512)');
  if (code === 'EINTEGRITYSIGNATURE') return fail('refused', 'the registry signature is invalid');
  if (code === 'E401' || code === 'E403') return fail('denied', `the registry answers ${code.slice(1)}`);
  if (code === 'E404') return fail('missing', 'the registry does not have it');
  if (statusCode !== undefined) return fail('unreachable', `the registry answers ${statusCode}`);
  if (code === 'FETCH_ERROR' && /JSON/.test(message)) return fail('broken', 'the registry did not answer with JSON');
  if (/^(E[A-Z]+|ERR_|UND_|FETCH_)/.test(code)) return fail('unreachable', plain(message, code));
  if (thrown instanceof SyntaxError) return fail('broken', 'the registry did not answer with JSON');
  return fail('broken', plain(message, code));
};

/** The first line, without the address, which is shown elsewhere. */
const plain = (message: string, code: string): string => {
  const line = (message ?? '').split('\n')[0] ?? '';
  return line.replace(/^request to \S+ failed, reason:\s*/, '') || code;
};
