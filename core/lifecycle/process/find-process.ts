/** Finds the process of a run record again, after its owner has died. */

import type { RunGroup } from '../limits/run-group.ts';
import { sameProcess } from '../system/identity.ts';
import { nonceVariable } from '../system/marks.ts';
import type { ProcessIdentity, Runner } from '../system/runner.ts';
import { endStrays } from '../terminate/strays.ts';
import { terminate } from '../terminate/terminate.ts';
import type { RunRecord } from './process-plan.ts';

/**
 * The living process of the record; null when there is none. It is found by PID, start time and nonce, or by its nonce
 * alone if the owner died before saving these. Whatever a dead leader left running is killed.
 */
export const findProcess = async (
  runner: Runner,
  record: RunRecord,
  bootId: string,
  group?: RunGroup,
): Promise<ProcessIdentity | null> => {
  if (record.bootId !== bootId) return null;
  if (record.pid !== null) {
    const there = await runner.identity(record.pid);
    if (there && sameProcess(there, record) && (await isOurs(runner, record))) return there;
  } else if (record.wanted === 'stopped') return null;
  const carriers = await runner.findByEnvironment(nonceVariable, record.nonce);
  if (record.pid === null) {
    // Children may lead groups of their own; the process itself is the oldest.
    const [leader] = carriers.filter(({ pid, group: led }) => pid === led).sort((a, b) => startOf(a) - startOf(b));
    if (leader) return leader;
  } else await killRest(runner, record, record.pid, carriers);
  await endStrays(runner, { name: record.id, nonce: record.nonce, group, signals: [] });
  return null;
};

/**
 * A record can be wrong: copied, restored, or written for a PID that was reused within one clock tick. An environment
 * that is unreadable or was overwritten by its program proves nothing.
 */
const isOurs = async (runner: Runner, { pid, nonce }: RunRecord): Promise<boolean> => {
  const environment = pid === null ? null : await runner.environment(pid);
  if (!environment?.some((entry) => /^\w+=/.test(entry))) return true;
  return environment.includes(`${nonceVariable}=${nonce}`);
};

/** Comparable within one boot. */
const startOf = ({ startTime }: ProcessIdentity): number => Number(startTime) || Date.parse(startTime);

/** A group with one process that carries our nonce is ours as a whole: its number cannot have been reused. */
const killRest = async (
  runner: Runner,
  { id, startTime, bootId }: RunRecord,
  pid: number,
  carriers: readonly ProcessIdentity[],
): Promise<void> => {
  if (!carriers.some(({ group }) => group === pid)) return;
  const leader = { pid, group: pid, startTime: startTime ?? '', bootId };
  await terminate(runner, leader, { name: id, signals: [] });
};
