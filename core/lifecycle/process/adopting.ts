/** Takes over the process of an earlier owner's run record, or records that it ended while nothing was watching. */
import { ranOutOfMemory } from '../limits/out-of-memory.ts';
import { processTable } from '../system/identity.ts';
import type { ProcessIdentity } from '../system/runner.ts';
import type { EndReason } from './failure.ts';
import { findProcess } from './find-process.ts';
import type { ProcessPlan, RunRecord } from './process-plan.ts';
import { ProcessRun } from './process-run.ts';
import type { ProcessState } from './process-state.ts';
import { recover, watchExit, watchLive } from './recovering.ts';
import { runStop } from './stopping.ts';

/** False when the process is gone, or was being stopped. Throws when that cannot be determined. */
export const runAdopt = async (managed: ProcessState, record: RunRecord): Promise<boolean> => {
  const { policy, stop, limits, data, logFile } = managed.options;
  const kept = record.kept ?? record.readyAt !== null;
  managed.record = { ...record, kept, policy, stop, limits, data, logFile };
  managed.mayBeLeft = true;
  const bootId = await (await processTable()).bootId();
  managed.mayBeLeft = record.bootId === bootId;
  const identity = await findProcess(managed.runner, record, bootId, managed.group);
  managed.reported = Promise.withResolvers();
  if (identity !== null && record.plan !== null) return await takeOver(managed, identity, record.plan);
  managed.clearProcess();
  if (record.wanted === 'stopped') {
    managed.changed();
  } else if (record.failure !== null) {
    managed.move('starting');
    managed.move('failed');
  } else {
    managed.move('starting');
    if (record.pid !== null && record.bootId === bootId) await handleUnseenEnd(managed, record.pid, record);
    else managed.queue.restart(0);
  }
  return false;
};

/** It ended while no owner watched: only its log and the kernel's can explain why. */
const handleUnseenEnd = async (managed: ProcessState, pid: number, { startTime }: RunRecord): Promise<void> => {
  const { scrub, logFile } = managed.options;
  await scrub?.(logFile);
  const reason: EndReason = { kind: 'ended', exit: { code: null, signal: null } };
  const log = { file: logFile, from: managed.record.logFrom ?? 0 };
  const memory = ranOutOfMemory(managed.runner, { pid, startTime, group: null, before: null, killed: true });
  await recover(managed, reason, managed.describe(reason, { log, ranOutOfMemory: memory }));
};

/** False when the last owner was about to stop it: the stop is then completed. */
const takeOver = async (managed: ProcessState, identity: ProcessIdentity, plan: ProcessPlan): Promise<boolean> => {
  const { record, runner, group } = managed;
  const { id, logFile } = managed.options;
  const log = { file: logFile, from: record.logFrom ?? 0 };
  const run = new ProcessRun({ id, runner, identity, plan, log, nonce: record.nonce, group });
  managed.run = run;
  Object.assign(record, { pid: identity.pid, startTime: identity.startTime, port: plan.port });
  record.spawnedAt ??= managed.timestamp();
  managed.move('starting');
  if (record.wanted === 'stopped') {
    if (!managed.closed) await runStop(managed, { drain: false, kill: false, narrate: undefined, wanted: 'stopped' });
    return false;
  }
  if (record.readyAt === null) {
    managed.move('loading');
    managed.queue.restart(0);
  } else {
    managed.reported?.resolve();
    watchExit(managed, run);
    if (record.asleep) managed.move('sleeping');
    else {
      managed.move('ready');
      watchLive(managed, run);
    }
  }
  void managed.recordWriter.saveIfPossible();
  return true;
};
