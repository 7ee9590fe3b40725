/** A request that failed: what kind of failure it is, and whether a retry can help. */
import { RbeeError } from '../contract/errors.ts';
import type { Incoming } from './http-agent.ts';

/** `answer`: the server replied, but not with the file. `lost`: the connection was lost after it had been established. */
export type HttpFailureKind = 'answer' | 'timeout' | 'unreachable' | 'lost';

export interface HttpFailureDetails {
  host: string;
  retryable: boolean;
  /** HTTP status, where there was an answer. */
  status?: number;
  /** Milliseconds to wait before a retry, at least. */
  waitMs?: number;
  cause?: unknown;
}

export class HttpFailure extends Error {
  readonly kind: HttpFailureKind;
  readonly host: string;
  readonly retryable: boolean;
  readonly status: number;
  readonly waitMs: number;

  /** `message` follows the name of the host: "answers 404". */
  constructor(kind: HttpFailureKind, message: string, details: HttpFailureDetails) {
    const { host, retryable, status = 0, waitMs = 0, cause } = details;
    super(message, { cause });
    this.kind = kind;
    this.host = host;
    this.retryable = retryable;
    this.status = status;
    this.waitMs = waitMs;
  }

  /** Classifies an error of a connection. Anything else is returned unchanged. */
  static of(thrown: unknown, host: string): unknown {
    if (!(thrown instanceof Error) || thrown instanceof RbeeError || thrown instanceof HttpFailure) return thrown;
    const { code = '', message, name } = thrown as NodeJS.ErrnoException;
    if (name === 'AbortError') return thrown;
    const make = (kind: HttpFailureKind, retryable: boolean) =>
      new HttpFailure(kind, code || message, { host, retryable, cause: thrown });
    if (/_(HEADERS|BODY)_TIMEOUT$/.test(code)) return make('timeout', true);
    if (/^(ENOTFOUND|EAI_FAIL|ERR_TLS.*|ERR_INVALID_ARG.*)$/.test(code) || /CERT|SIGNATURE/.test(code))
      return make('unreachable', false);
    if (/^(ECONNREFUSED|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(code))
      return make('unreachable', true);
    return make('lost', true);
  }
}

/** The failure that an answer with an error status stands for. `reason` replaces "answers 404". */
export const answerFailure = ({ status, headers }: Incoming, host: string, reason?: string): HttpFailure => {
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const waitMs = retryAfterMs(headers['retry-after']);
  return new HttpFailure('answer', reason ?? `answers ${status}`, { host, retryable, status, waitMs });
};

const retryAfterMs = (header: string | string[] | undefined): number => {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
};
