/** Finds the process of a run record again, when its owner has died and come back. */
import { sameProcess } from './identity.ts';
import { nonceVariable } from './marks.ts';
import type { RunRecord } from './process-plan.ts';
import type { ProcessIdentity, Runner } from './runner.ts';
import { terminate } from './terminate.ts';

/**
 * The living process of the record; null when there is none. Found by PID, start and nonce, or, when its owner died before it
 * could write these down, by its nonce alone. What a dead leader has left of its group is killed.
 */
export const findProcess = async (
  runner: Runner,
  record: RunRecord,
  bootId: string,
): Promise<ProcessIdentity | null> => {
  if (record.bootId !== bootId) return null;
  if (record.pid !== null) {
    const there = await runner.identity(record.pid);
    if (there && sameProcess(there, record) && (await isOurs(runner, record))) return there;
  } else if (record.wanted === 'stopped') return null;
  const carriers = await runner.findByEnvironment(nonceVariable, record.nonce);
  const leader = record.pid === null ? carriers.find(({ pid, group }) => pid === group) : undefined;
  if (leader) return leader;
  await killRest(runner, record, carriers);
  return null;
};

/**
 * A record can be wrong: copied, restored, or written for a PID that was given away within one tick of the clock. What
 * cannot be read, or has been overwritten by its own program, speaks against nobody.
 */
const isOurs = async (runner: Runner, { pid, nonce }: RunRecord): Promise<boolean> => {
  const environment = pid === null ? null : await runner.environment(pid);
  if (!environment?.some((entry) => /^\w+=/.test(entry))) return true;
  return environment.includes(`${nonceVariable}=${nonce}`);
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
