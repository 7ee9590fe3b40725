/** Decides what follows the end of a process. Pure. */
import type { RestartPolicy } from '../contract/states.ts';

export interface EndOfProcess {
  policy: RestartPolicy;
  /** Ends before this one, in milliseconds since 1970. */
  crashes: readonly number[];
  /** Milliseconds since 1970. */
  now: number;
  /** It ended by itself with exit code 0 after having been ready. */
  clean: boolean;
  /** 0 to 1, for the jitter. */
  random: number;
}

export type AfterEnd =
  /** Start again; `crashes` is what to remember. */
  | { kind: 'restart'; delayMs: number; crashes: readonly number[] }
  /** It is done. */
  | { kind: 'stopped' }
  /** It is not tried any more. */
  | { kind: 'failed'; crashes: readonly number[]; loop: boolean };

export const crashWindowMs = 5 * 60_000;
export const mostCrashes = 5;
const firstDelayMs = 500;
const longestDelayMs = 30_000;

export const afterEnd = (end: EndOfProcess): AfterEnd => {
  if (end.clean && end.policy !== 'always') return { kind: 'stopped' };
  // A crash in the future is one from before the clock was set back.
  const recent = end.crashes.filter((at) => at <= end.now && end.now - at < crashWindowMs);
  const crashes = [...recent, end.now];
  if (end.policy === 'never') return { kind: 'failed', crashes, loop: false };
  if (crashes.length >= mostCrashes) return { kind: 'failed', crashes, loop: true };
  return { kind: 'restart', delayMs: delayBefore(crashes.length, end.random), crashes };
};

/** The first restart comes at once; each later one waits twice as long, give or take a quarter. */
const delayBefore = (restart: number, random: number): number =>
  restart === 1 ? 0 : Math.round(Math.min(longestDelayMs, firstDelayMs * 2 ** (restart - 2)) * (0.75 + random / 2));
