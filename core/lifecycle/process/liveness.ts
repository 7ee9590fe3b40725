/**
 * Watches a ready process: a cheap check every few seconds; after a failure, more frequent checks and an expensive one.
 * A process that neither answers nor uses the processor is frozen, and soon declared dead; one that computes may just
 * be too busy to answer.
 */
import { httpRequest } from '../system/http-request.ts';
import type { Runner } from '../system/runner.ts';
import type { LiveSpec } from './process-plan.ts';

export interface LivenessOptions {
  live: LiveSpec;
  /** Whether a request is running. The deep check is then skipped, and a slow answer is not a failure. */
  busy?: () => boolean;
  /** Milliseconds of processor time used by its processes so far; null where that is unknown. */
  cpuMs?: () => Promise<number | null>;
  /** Called with `true` at the first failure, and with `false` when a later check succeeds. */
  onSuspicion?: (suspect: boolean) => void;
  /** Called once, with the reason; the watch has then ended. */
  onUnhealthy: (problem: string) => void;
  /** Milliseconds for one answer; 2,500 when absent. A process that computes gets twice as long. */
  timeoutMs?: number;
  request?: Runner['request'];
}

const maxFailures = 3;
const deepTimeoutMs = 60_000;
/** Share of one processor above which a process counts as computing. */
const idleShare = 0.05;

/** The processor time used when it did not answer. */
interface Mark {
  cpuMs: number;
  at: number;
}

type Look =
  | { kind: 'fine' }
  /** Probably alive: the next check comes after the full interval. */
  | { kind: 'excused' }
  /** No answer while a request is running: not a failure yet, and checked again soon. */
  | { kind: 'odd'; mark: Mark | null }
  /** `computes`: it may just be too busy to answer, and gets more time. */
  | { kind: 'failed'; problem: string; computes: boolean; mark: Mark | null };

/** Starts watching. Returns a function that stops it; does not keep the process alive. */
export const watchLiveness = (options: LivenessOptions): (() => void) => {
  const ended = new AbortController();
  const everyMs = options.live.everyMs ?? 5_000;
  const soonMs = everyMs / 10;
  let failures = 0;
  let patient = false;
  let mark: Mark | null = null;
  let timer: NodeJS.Timeout | undefined;
  const next = (ms: number) => {
    if (!ended.signal.aborted) timer = setTimeout(look, ms).unref();
  };
  const look = async () => {
    const seen = await lookAt(options, { patient, mark }, ended.signal);
    if (ended.signal.aborted) return;
    mark = 'mark' in seen ? seen.mark : null;
    if (seen.kind === 'odd') return next(soonMs);
    const before = failures;
    const computes = seen.kind === 'failed' && seen.computes;
    // Until it was known that the process computes, the checks were too close together to count one by one.
    failures = seen.kind !== 'failed' ? 0 : computes && !patient ? 1 : failures + 1;
    patient = computes;
    if (failures > 0 !== before > 0) options.onSuspicion?.(failures > 0);
    if (seen.kind !== 'failed') return next(everyMs);
    if (failures < maxFailures) return next(patient ? everyMs : soonMs);
    ended.abort();
    options.onUnhealthy(seen.problem);
  };
  next(everyMs);
  return () => {
    ended.abort();
    clearTimeout(timer);
  };
};

const lookAt = async (
  options: LivenessOptions,
  { patient, mark: before }: { patient: boolean; mark: Mark | null },
  signal: AbortSignal,
): Promise<Look> => {
  const { live, busy } = options;
  const timeoutMs = (options.timeoutMs ?? 2_500) * (patient ? 2 : 1);
  const cheap = await ask(options, { url: live.url, headers: live.headers, timeoutMs, signal });
  if (cheap === null || signal.aborted) return { kind: 'fine' };
  // Measured only now: adding up the processor time of a group is not cheap.
  const mark = cheap.silent ? await markOf(options) : null;
  // A process that cannot be measured counts as computing, and one that answers is not frozen.
  const unknown = mark !== null && before === null;
  const computes = cheap.silent && !unknown && (mark === null || before === null || isComputing(before, mark));
  const frozen = cheap.silent && !unknown && !computes;
  // An engine that computes may be slow to answer, or have no thread left for it.
  if (busy?.()) return unknown || frozen ? { kind: 'odd', mark } : { kind: 'excused' };
  const failed = { kind: 'failed', computes, mark } as const;
  // A frozen process would not answer the expensive check either.
  if (live.deep === undefined || unknown || frozen) return { ...failed, problem: cheap.problem };
  const { url, body } = live.deep;
  const { headers } = live;
  const deep = await ask(options, { url, headers, method: 'POST', body, timeoutMs: deepTimeoutMs, signal });
  if (deep === null || busy?.()) return { kind: 'excused' };
  return { ...failed, problem: `${cheap.problem}; ${deep.problem}` };
};

const markOf = async ({ cpuMs }: LivenessOptions): Promise<Mark | null> => {
  const spent = await cpuMs?.().catch(() => null);
  return spent === null || spent === undefined ? null : { cpuMs: spent, at: performance.now() };
};

const isComputing = (before: Mark, now: Mark): boolean => now.cpuMs - before.cpuMs >= idleShare * (now.at - before.at);

interface Refusal {
  problem: string;
  /** There was no answer at all within the time limit. */
  silent: boolean;
}

const ask = async (options: LivenessOptions, request: Parameters<typeof httpRequest>[0]): Promise<Refusal | null> => {
  try {
    const { status } = await (options.request ?? httpRequest)(request);
    return status >= 200 && status < 300 ? null : { problem: `${request.url} answers ${status}`, silent: false };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
    return { problem: `${request.url}: ${message}`, silent: name === 'TimeoutError' };
  }
};
