/** Waits until a process is ready for work, as its plan defines it. */
import { Notifier } from '../async/notifier.ts';
import { watchLines } from '../logs/follow.ts';
import { type HttpAnswer, httpRequest } from '../system/http-request.ts';
import type { Exit, Runner } from '../system/runner.ts';
import type { SocketOwner } from '../system/socket-owner.ts';
import type { ReadySpec } from './process-plan.ts';

export interface Readiness {
  ready: ReadySpec;
  /** Settles when the process has ended. */
  exited: Promise<Exit>;
  /** Where to read new lines. */
  log?: { file: string; from: number };
  /** Resolves when the process or a person reports that it is ready (modes callback and manual). */
  reported?: Promise<void>;
  /** Finds out who owns the listening socket; absent for a process that listens on no port. */
  owner?: () => Promise<SocketOwner>;
  /** A regular expression with a group `percent`, for lines of the log. */
  progressPattern?: string;
  /** Milliseconds without a new log line or a change of status or progress. */
  progressDeadlineMs: number;
  /** Makes HTTP requests; from this machine when absent. */
  request?: Runner['request'];
  /** 0 to 1, called on each change. */
  onProgress?: (progress: number) => void;
  signal: AbortSignal;
}

export type NotReadyReason =
  | { kind: 'exited'; exit: Exit }
  /** Another program listens on its port. */
  | { kind: 'port_taken' }
  | { kind: 'failed_status'; status: number; body: string }
  | { kind: 'no_progress'; limitMs: number; last: string };

/** The process did not become ready. */
export class NotReadyError extends Error {
  readonly reason: NotReadyReason;

  constructor(reason: NotReadyReason) {
    super(`not ready: ${reason.kind}`);
    this.name = 'NotReadyError';
    this.reason = reason;
  }
}

/** Resolves when ready. Rejects with NotReadyError, or with the signal's reason. Never touches the process itself. */
export const waitReady = async (readiness: Readiness): Promise<void> => {
  const { signal } = readiness;
  signal.throwIfAborted();
  const ended = new AbortController();
  const notifier = new Notifier();
  const signs = new Signs(readiness);
  const { promise: logged, resolve: onLogged } = Promise.withResolvers<void>();
  let stopWatching = () => {};
  const watch = () => {
    stopWatching = watchLog(readiness, signs, onLogged, notifier);
  };
  const quietMs = watchAfter(readiness);
  const watchLater = quietMs > 0 ? setTimeout(watch, quietMs) : undefined;
  if (quietMs === 0) watch();
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    ended.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), { once: true });
  });
  const exited = readiness.exited.then((exit) => {
    throw new NotReadyError({ kind: 'exited', exit });
  });
  try {
    await Promise.race([shown(readiness, signs, logged, notifier, ended.signal), signs.missing, exited, aborted]);
  } finally {
    ended.abort();
    notifier.notify();
    signs.end();
    clearTimeout(watchLater);
    stopWatching();
  }
};

/**
 * Milliseconds before reading the log. A polled process without progress lines needs its log only as a sign of life.
 */
const watchAfter = ({ ready, progressPattern, progressDeadlineMs }: Readiness): number =>
  ready.mode === 'poll' && progressPattern === undefined ? Math.min(500, progressDeadlineMs / 4) : 0;

const shown = async (
  readiness: Readiness,
  signs: Signs,
  logged: Promise<void>,
  notifier: Notifier,
  ended: AbortSignal,
): Promise<void> => {
  const { ready } = readiness;
  if (ready.mode === 'poll') return await pollUntilReady(readiness, ready, signs, notifier, ended);
  await (ready.mode === 'log' ? logged : readiness.reported);
  signs.saw('it reported that it is ready, but does not listen on its port');
  await ownSocket(readiness, ended);
};

/** Frequent while a small program starts, less frequent while a large model loads. */
const pauseAfter = (elapsedMs: number): number => (elapsedMs < 10_000 ? 40 : 250);
const minPauseMs = 10;

const pollUntilReady = async (
  readiness: Readiness,
  ready: ReadySpec & { mode: 'poll' },
  signs: Signs,
  notifier: Notifier,
  ended: AbortSignal,
): Promise<void> => {
  const start = performance.now();
  const request = readiness.request ?? httpRequest;
  const loading = ready.loadingStatus ?? [503];
  let owned = readiness.owner === undefined;
  while (!ended.aborted) {
    const answer = await request({
      url: ready.url,
      socketPath: ready.socketPath,
      headers: ready.headers,
      signal: ended,
    }).catch((error: unknown) => error as Error);
    if (ended.aborted) return;
    if (answer instanceof Error) {
      signs.saw(`${ready.url}: ${(answer as NodeJS.ErrnoException).code ?? answer.message}`);
    } else {
      signs.saw(`${ready.url} answers ${answer.status}`);
      if (!owned) owned = await isOwn(readiness);
      if (isReady(ready, loading, answer)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, minPauseMs));
    await notifier.wait(pauseAfter(performance.now() - start) - minPauseMs);
  }
};

/** False when the system cannot tell. Once the socket belongs to the process, it stays that way. */
const isOwn = async ({ owner }: Readiness): Promise<boolean> => {
  const answering = await owner?.();
  if (answering === 'stranger') throw new NotReadyError({ kind: 'port_taken' });
  return answering === 'group';
};

const isReady = (
  ready: ReadySpec & { mode: 'poll' },
  loading: readonly number[],
  { status, body }: HttpAnswer,
): boolean => {
  if (ready.failedStatus?.includes(status)) throw new NotReadyError({ kind: 'failed_status', status, body });
  return status >= 200 && status < 300 && !loading.includes(status);
};

/** For the modes without a request: waits until the process listens on its port. */
const ownSocket = async (readiness: Readiness, ended: AbortSignal): Promise<void> => {
  while (!ended.aborted) {
    const owner = readiness.owner === undefined ? undefined : await readiness.owner();
    if (owner === 'stranger') throw new NotReadyError({ kind: 'port_taken' });
    if (owner !== 'none') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const watchLog = (readiness: Readiness, signs: Signs, onLogged: () => void, notifier: Notifier): (() => void) => {
  const { log, ready } = readiness;
  if (log === undefined) return () => {};
  const wanted = ready.mode === 'log' ? new RegExp(ready.pattern) : undefined;
  const progress = readiness.progressPattern === undefined ? undefined : new RegExp(readiness.progressPattern);
  return watchLines(log.file, {
    from: log.from,
    complete: wanted !== undefined,
    onLines: (lines) => {
      signs.sawLines();
      for (const line of lines) {
        if (wanted?.test(line)) onLogged();
        const percent = progress?.exec(line)?.groups?.['percent'];
        if (percent !== undefined) signs.sawPercent(Number(percent));
      }
      notifier.notify();
    },
  });
};

/** Tracks signs of progress while loading. `missing` rejects when there was none for too long. */
class Signs {
  readonly missing: Promise<never>;
  readonly #limitMs: number;
  readonly #onProgress: ((progress: number) => void) | undefined;
  #last = 'no sign of progress so far';
  #percent: number | undefined;
  #at = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor({ progressDeadlineMs, onProgress }: Readiness) {
    this.#limitMs = progressDeadlineMs;
    this.#onProgress = onProgress;
    this.missing = new Promise((_, reject) => {
      const look = () => {
        const left = this.#at + this.#limitMs - performance.now();
        if (left > 0) this.#timer = setTimeout(look, left + 1);
        else reject(new NotReadyError({ kind: 'no_progress', limitMs: this.#limitMs, last: this.#last }));
      };
      look();
    });
  }

  saw(what: string): void {
    if (what === this.#last) return;
    this.#last = what;
    this.sawLines();
  }

  sawLines(): void {
    this.#at = performance.now();
  }

  sawPercent(percent: number): void {
    if (!(percent >= 0 && percent <= 100) || percent === this.#percent) return;
    this.#percent = percent;
    this.#onProgress?.(percent / 100);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
