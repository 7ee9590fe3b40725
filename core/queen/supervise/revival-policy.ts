/** Decides when a hive whose heartbeats stopped is started again. Pure. */

export interface HiveSituation {
  /** It should be running: a person stopped it otherwise, or the configuration does not start it. */
  wanted: boolean;
  /** A job is starting, stopping or installing it now. */
  busy: boolean;
  /** Its heartbeats arrive. */
  heard: boolean;
  /** Its machine answered and had no hive. If the machine does not answer, nothing is known about the hive. */
  machineAnswers: boolean;
  /** The next start: not planned, planned for later, or due now. */
  retry: 'none' | 'planned' | 'due';
}

/** `wait`: plan a start after the back-off. */
export type Revival = 'start' | 'wait' | 'nothing';

export const decideRevival = ({ wanted, busy, heard, machineAnswers, retry }: HiveSituation): Revival => {
  if (!wanted || busy || heard || !machineAnswers) return 'nothing';
  if (retry === 'due') return 'start';
  return retry === 'none' ? 'wait' : 'nothing';
};

export const revivalBackoffMs = { first: 100, max: 30_000 };

/** The back-off doubles with each attempt, and starts over once the last attempt is a minute old. */
export const nextBackoffMs = (last: { backoffMs: number; at: number } | null, now: number): number => {
  if (last === null || now - last.at > 2 * revivalBackoffMs.max) return revivalBackoffMs.first;
  return Math.min(last.backoffMs * 2, revivalBackoffMs.max);
};
