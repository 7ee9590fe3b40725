/** Decides what follows the end of a process. Pure. */
import type { RestartPolicy } from '../../contract/states.ts';

/**
 * `clean`: by itself with exit code 0 after having been ready. `crash`: by itself, or for a reason that it told. `kill`:
 * from outside, or nothing tells how; that says nothing about the process, so it is no reason to give it up.
 */
export type EndKind = 'clean' | 'crash' | 'kill';

export interface EndOfProcess {
  policy: RestartPolicy;
  kind: EndKind;
  /** Crashes and kills before this end, in milliseconds since 1970. */
  crashes: readonly number[];
  kills: readonly number[];
  /** Milliseconds since 1970. */
  now: number;
  /** 0 to 1, for the jitter. */
  random: number;
}

/** Crashes and kills of the last five minutes, this end included: what to remember. */
interface Ends {
  crashes: readonly number[];
  kills: readonly number[];
}

export type AfterEnd =
  /** Start again. */
  | ({ kind: 'restart'; delayMs: number } & Ends)
  /** It is done. */
  | { kind: 'stopped' }
  /** It is not tried any more; `loop`: since it crashes too often. */
  | ({ kind: 'failed'; loop: boolean } & Ends);

export const crashWindowMs = 5 * 60_000;
export const mostCrashes = 5;
const firstDelayMs = 500;
const longestDelayMs = 30_000;

export const afterEnd = (end: EndOfProcess): AfterEnd => {
  if (end.kind === 'clean' && end.policy !== 'always') return { kind: 'stopped' };
  const before = { crashes: recentEnds(end.crashes, end.now), kills: recentEnds(end.kills, end.now) };
  const isKill = end.kind === 'kill';
  const ends = isKill
    ? { ...before, kills: [...before.kills, end.now] }
    : { ...before, crashes: [...before.crashes, end.now] };
  if (end.policy === 'never') return { kind: 'failed', loop: false, ...ends };
  if (!isKill && ends.crashes.length >= mostCrashes) return { kind: 'failed', loop: true, ...ends };
  const count = isKill ? ends.kills.length : ends.crashes.length;
  return { kind: 'restart', delayMs: delayBefore(count, end.random), ...ends };
};

/** Those of the last five minutes. One in the future is from before the clock was set back. */
export const recentEnds = (ends: readonly number[], now: number): number[] =>
  ends.filter((at) => at <= now && now - at < crashWindowMs);

/** The first restart comes at once; each later one waits twice as long, give or take a quarter. */
const delayBefore = (restart: number, random: number): number =>
  restart === 1 ? 0 : Math.round(Math.min(longestDelayMs, firstDelayMs * 2 ** (restart - 2)) * (0.75 + random / 2));
