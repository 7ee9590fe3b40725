/** What can go wrong between a hive and a hub, as the errors that people are shown. */
import { setTimeout as delay } from 'node:timers/promises';
import { RbeeError } from '../../contract/errors.ts';
import { formatDuration } from '../../narration/quantities.ts';
import type { DownloadPace } from '../../programs/download.ts';

/** What is being asked for, as far as errors tell. */
export interface About {
  model: string;
  hive: string;
  /** Where to look at it with a browser. */
  page: string;
  /** Was a token sent? */
  token: boolean;
  /** It is at an address of its own, not on the hub. */
  address?: boolean;
}

export type TroubleKind = 'answer' | 'silent' | 'unreachable' | 'broke';

/** A request that failed, before it is known whether it is tried again. */
export class Trouble extends Error {
  readonly kind: TroubleKind;
  readonly host: string;
  /** Is the same request worth another try? */
  readonly passes: boolean;
  readonly status: number;
  /** Milliseconds to wait at least. */
  readonly waitMs: number;

  constructor(
    kind: TroubleKind,
    message: string,
    {
      host,
      passes,
      status = 0,
      waitMs = 0,
      cause,
    }: { host: string; passes: boolean; status?: number; waitMs?: number; cause?: unknown },
  ) {
    super(message, { cause });
    this.kind = kind;
    this.host = host;
    this.passes = passes;
    this.status = status;
    this.waitMs = waitMs;
  }

  /** A failed connection. Anything else is given back as it is. */
  static of(thrown: unknown, host: string): unknown {
    if (!(thrown instanceof Error) || thrown instanceof RbeeError || thrown instanceof Trouble) return thrown;
    const { code = '', message, name } = thrown as NodeJS.ErrnoException;
    if (name === 'AbortError') return thrown;
    const make = (kind: TroubleKind, passes: boolean) =>
      new Trouble(kind, code || message, { host, passes, cause: thrown });
    if (/_(HEADERS|BODY)_TIMEOUT$/.test(code)) return make('silent', true);
    if (/^(ENOTFOUND|EAI_FAIL|ERR_TLS.*)$/.test(code) || /CERT|SIGNATURE/.test(code)) return make('unreachable', false);
    if (/^(ECONNREFUSED|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(code))
      return make('unreachable', true);
    return make('broke', true);
  }
}

export interface RetryOptions {
  pace: DownloadPace;
  signal: AbortSignal;
  /** Grows with what has been brought in: tries that brought something do not count. */
  progress?: () => number;
  /** It is tried again. */
  onRetry?: (trouble: Trouble) => void;
}

/** Tries again what may pass. Rejects with the last trouble. */
export const withRetries = async <Result>(
  work: () => Promise<Result>,
  { pace, signal, progress = () => 0, onRetry }: RetryOptions,
): Promise<Result> => {
  for (let failures = 0; ; ) {
    const before = progress();
    try {
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof Trouble) || !thrown.passes) throw thrown;
      failures = progress() > before ? 1 : failures + 1;
      if (failures >= pace.attempts) throw thrown;
      onRetry?.(thrown);
      const backOff = pace.pauseMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await delay(Math.min(longestPauseMs, Math.max(thrown.waitMs, backOff)), undefined, { signal });
    }
  }
};

const longestPauseMs = 30_000;

/** What is said of a trouble while it is tried again. */
export const retryText = ({ kind, host, message }: Trouble): string => {
  const what = {
    answer: message,
    silent: 'is silent',
    unreachable: `cannot be reached (${message})`,
    broke: `broke off (${message})`,
  };
  return `${host} ${what[kind]}; trying again`;
};

/** The error of the catalogue for a trouble that stayed; anything else as it is. */
export const troubleError = (thrown: unknown, about: About, pace: DownloadPace, file?: string): unknown => {
  if (!(thrown instanceof Trouble)) return thrown;
  const { model, hive } = about;
  const { host, message: problem } = thrown;
  const options = { cause: thrown };
  switch (thrown.kind) {
    case 'silent':
      return RbeeError.of('MODEL_HUB_TIMEOUT', { model, host, limit: formatDuration(pace.stallMs) }, options);
    case 'unreachable':
      return RbeeError.of('MODEL_HUB_UNREACHABLE', { model, host, hive, problem }, options);
    case 'broke': {
      const what = file ?? 'the list of files';
      return RbeeError.of('MODEL_DOWNLOAD_FAILED', { file: what, model, times: pace.attempts, problem }, options);
    }
    case 'answer':
      return answerError(thrown, about, options);
  }
};

const answerError = (
  { status, host, message: problem }: Trouble,
  { model, hive, page, token, address = false }: About,
  options: { cause: unknown },
): RbeeError => {
  if (address && !token && (status === 401 || status === 403))
    return RbeeError.of('MODEL_URL_REFUSED', { model, hive, problem: `${host} ${problem}` }, options);
  if (status === 401 || (status === 403 && !token))
    return RbeeError.of('MODEL_UNAUTHORIZED', { model, hive, page, problem }, options);
  if (status === 403) return RbeeError.of('MODEL_FORBIDDEN', { model, hive, page, problem }, options);
  if (status === 404 || status === 410)
    return RbeeError.of('MODEL_REPOSITORY_NOT_FOUND', { model, page, problem }, options);
  return RbeeError.of('MODEL_HUB_FAILED', { model, host, problem }, options);
};
