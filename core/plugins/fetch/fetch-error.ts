/** What can go wrong with a registry or a package, in the kinds that `fetch-calls.ts` names. */
import type { FetchFailure } from './fetch-calls.ts';

export class FetchError extends Error {
  readonly failure: FetchFailure;

  constructor(kind: FetchFailure['kind'], what: string, problem: string, cause?: unknown) {
    super(problem, { cause });
    this.failure = { kind, what, problem };
  }

  /** The package is there, and the version is not. */
  static noVersion(what: string, versions: { asked: string; known: string }): FetchError {
    const error = new FetchError('missing', what, `it has no version ${versions.asked}`);
    Object.assign(error.failure, { versions });
    return error;
  }
}

/** Turns what npm's libraries throw into one of the kinds; `what` is the package or registry that was asked for. */
export const asFailure = (thrown: unknown, what: string): FetchFailure => {
  if (thrown instanceof FetchError) return thrown.failure;
  const { code = '', message, statusCode } = thrown as { code?: string; message: string; statusCode?: number };
  const fail = (kind: FetchFailure['kind'], problem: string): FetchFailure => ({ kind, what, problem });
  if (code === 'ENOTCACHED') return fail('unreachable', 'it is not in the cache, and the network is not to be used');
  if (code === 'EINTEGRITY') return fail('refused', 'what was downloaded is not what the registry announced (sha512)');
  if (code === 'EINTEGRITYSIGNATURE') return fail('refused', 'the signature of the registry is wrong');
  if (code === 'E401' || code === 'E403') return fail('denied', `the registry answers ${code.slice(1)}`);
  if (code === 'E404') return fail('missing', 'the registry does not have it');
  if (statusCode !== undefined) return fail('unreachable', `the registry answers ${statusCode}`);
  if (code === 'FETCH_ERROR' && /JSON/.test(message))
    return fail('broken', 'the registry answers something else than JSON');
  if (/^(E[A-Z]+|ERR_|UND_|FETCH_)/.test(code)) return fail('unreachable', plain(message, code));
  if (thrown instanceof SyntaxError) return fail('broken', 'the registry answers something else than JSON');
  return fail('broken', plain(message, code));
};

/** The first line, without the address that is said elsewhere. */
const plain = (message: string, code: string): string => {
  const line = (message ?? '').split('\n')[0] ?? '';
  return line.replace(/^request to \S+ failed, reason:\s*/, '') || code;
};
