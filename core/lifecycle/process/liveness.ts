/**
 * Watches a ready process: a cheap question every few seconds, closer ones and a dearer one on suspicion. A process that
 * says nothing and computes nothing is frozen, which is certain soon; one that computes may just have no time to answer.
 */
import { httpRequest } from '../system/http-request.ts';
import type { Runner } from '../system/runner.ts';
import type { LiveSpec } from './process-plan.ts';

export interface LivenessOptions {
  live: LiveSpec;
  /** Is a request under way? Then the deep check is not sent, and a slow answer is no failure. */
  busy?: () => boolean;
  /** Milliseconds that its processes have computed so far; null where nobody can tell. */
  cpuMs?: () => Promise<number | null>;
  /** Called with `true` at the first failure, and with `false` when it was none. */
  onSuspicion?: (suspect: boolean) => void;
  /** Called once, with why; the watch has then ended. */
  onUnhealthy: (problem: string) => void;
  /** Milliseconds for one answer; 2,500 when absent. One that computes has twice as long. */
  timeoutMs?: number;
  request?: Runner['request'];
}

const mostFailures = 3;
const deepTimeoutMs = 60_000;
/** Share of one processor above which a process computes. */
const idleShare = 0.05;

/** What its processes had computed when it said nothing. */
interface Mark {
  cpuMs: number;
  at: number;
}

type Look =
  | { kind: 'fine' }
  /** It may well live: the next look is the usual one. */
  | { kind: 'excused' }
  /** A request is under way and it says nothing: no failure so far, and looked at again soon. */
  | { kind: 'odd'; mark: Mark | null }
  /** `computes`: it may just have no time to answer, and is given more. */
  | { kind: 'failed'; problem: string; computes: boolean; mark: Mark | null };

/** Begins to watch. Returns what ends it; it keeps no process alive. */
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
    // The looks until it was known that it computes followed each other too soon to count by themselves.
    failures = seen.kind !== 'failed' ? 0 : computes && !patient ? 1 : failures + 1;
    patient = computes;
    if (failures > 0 !== before > 0) options.onSuspicion?.(failures > 0);
    if (seen.kind !== 'failed') return next(everyMs);
    if (failures < mostFailures) return next(patient ? everyMs : soonMs);
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
  // Asked only now: to add up what a group of processes has computed is not cheap.
  const mark = cheap.silent ? await markOf(options) : null;
  // Who cannot be measured is taken to compute, and one that answers is certainly not frozen.
  const unknown = mark !== null && before === null;
  const computes = cheap.silent && !unknown && (mark === null || before === null || isComputing(before, mark));
  const frozen = cheap.silent && !unknown && !computes;
  // An engine that computes may be slow to answer, or have no thread left to do it.
  if (busy?.()) return unknown || frozen ? { kind: 'odd', mark } : { kind: 'excused' };
  const failed = { kind: 'failed', computes, mark } as const;
  // What is frozen would not answer the dearer question either, for as long as that is waited for.
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
  /** It gave no answer at all within the time. */
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
