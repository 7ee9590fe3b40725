/** Finds the process of a run record again, when its owner has died and come back. */
import { sameProcess } from './identity.ts';
import type { RunRecord } from './process-plan.ts';
import type { ProcessIdentity, Runner } from './runner.ts';
import { terminate } from './terminate.ts';

/** In the environment of every managed process, and of what it starts. */
export const nonceVariable = 'RBEE_RUN_NONCE';

/**
 * The living process of the record; null when there is none. Found by PID and start, or, when its owner died before it
 * could write these down, by its nonce. What a dead leader has left of its group is killed.
 */
export const findProcess = async (
  runner: Runner,
  record: RunRecord,
  bootId: string,
): Promise<ProcessIdentity | null> => {
  if (record.bootId !== bootId) return null;
  if (record.pid !== null) {
    const there = await runner.identity(record.pid);
    if (sameProcess(there, record)) return there;
  } else if (record.wanted === 'stopped') return null;
  const carriers = await runner.findByEnvironment(nonceVariable, record.nonce);
  const leader = record.pid === null ? carriers.find(({ pid, group }) => pid === group) : undefined;
  if (leader) return leader;
  await killRest(runner, record, carriers);
  return null;
};

/** A group with one process that carries our nonce is ours as a whole: its number cannot have been given away. */
const killRest = async (runner: Runner, record: RunRecord, carriers: readonly ProcessIdentity[]): Promise<void> => {
  const groups = new Set(
    carriers.map(({ group }) => group).filter((group) => record.pid === null || group === record.pid),
  );
  for (const group of groups) {
    const leader = { pid: group, group, startTime: record.startTime ?? '', bootId: record.bootId };
    await terminate(runner, leader, { name: record.id, signals: [] });
  }
};
