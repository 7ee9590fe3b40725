/** Decides what follows the end of a process. Pure. */
import type { RestartPolicy } from '../../contract/states.ts';

/**
 * `clean`: it exited with code 0 after having been ready. `crash`: it failed, or reported a reason. `kill`: it was
 * ended from outside or for an unknown reason, which says nothing about the process and is no reason to give up.
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

/** Crashes and kills of the last five minutes, including this end: what to remember. */
interface Ends {
  crashes: readonly number[];
  kills: readonly number[];
}

export type AfterEnd =
  /** Start again. */
  | ({ kind: 'restart'; delayMs: number } & Ends)
  /** It is done. */
  | { kind: 'stopped' }
  /** No further attempt; `loop`: because it crashes too often. */
  | ({ kind: 'failed'; loop: boolean } & Ends);

export const crashWindowMs = 5 * 60_000;
export const maxCrashes = 5;
const firstDelayMs = 500;
const maxDelayMs = 30_000;

export const afterEnd = (end: EndOfProcess): AfterEnd => {
  if (end.kind === 'clean' && end.policy !== 'always') return { kind: 'stopped' };
  const before = { crashes: recentEnds(end.crashes, end.now), kills: recentEnds(end.kills, end.now) };
  const isKill = end.kind === 'kill';
  const ends = isKill
    ? { ...before, kills: [...before.kills, end.now] }
    : { ...before, crashes: [...before.crashes, end.now] };
  if (end.policy === 'never') return { kind: 'failed', loop: false, ...ends };
  if (!isKill && ends.crashes.length >= maxCrashes) return { kind: 'failed', loop: true, ...ends };
  const count = isKill ? ends.kills.length : ends.crashes.length;
  return { kind: 'restart', delayMs: delayBefore(count, end.random), ...ends };
};

/** Ends of the last five minutes. One in the future dates from before the clock was set back. */
export const recentEnds = (ends: readonly number[], now: number): number[] =>
  ends.filter((at) => at <= now && now - at < crashWindowMs);

/** The first restart comes at once; each later delay is twice as long, plus or minus a quarter. */
const delayBefore = (restart: number, random: number): number =>
  restart === 1 ? 0 : Math.round(Math.min(maxDelayMs, firstDelayMs * 2 ** (restart - 2)) * (0.75 + random / 2));
