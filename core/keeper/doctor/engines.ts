/** Engines on this machine that no worker owns, and unreadable run records. Works with or without a queen. */
import { rm } from 'node:fs/promises';
import type { Paths } from '../../config/paths.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import type { WorkerList } from '../../contract/api/queen-api.ts';
import { localConfiner } from '../../lifecycle/limits/limits.ts';
import { RunRecords, type UnreadableRecord } from '../../lifecycle/process/run-records.ts';
import { findUnowned, type UnownedRun } from '../../lifecycle/process/unowned.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { endStrays } from '../../lifecycle/terminate/strays.ts';
import { formatAge } from '../../narration/quantities.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { type Check, ok, warn } from './check.ts';

export interface LeftOver {
  runs: UnownedRun[];
  unreadable: UnreadableRecord[];
}

export interface EngineSearch {
  paths: Paths;
  /** Null when none answers. */
  queen: QueenClient | null;
}

export const findLeftOver = async ({ paths, queen }: EngineSearch): Promise<LeftOver> => {
  const records = new RunRecords(paths.runs);
  const { workers } = (await queen?.get<WorkerList>('/v1/workers')) ?? { workers: [] };
  const local = workers.filter(({ hive, pid }) => hive === 'local' && pid !== null);
  const owned = new Set(local.map(({ pid }) => pid ?? 0));
  const runs = await findUnowned(localRunner, { state: paths.state, records, owned });
  const { unreadable } = await records.examine();
  return { runs, unreadable };
};

export const checkEngines = async (search: EngineSearch): Promise<Check[]> => {
  const { runs, unreadable } = await findLeftOver(search);
  const ids = new Set(unreadable.map(({ id }) => id));
  const checks = [
    ...runs.map((run) =>
      warn(
        'engine',
        `${describeRun(run, Date.now())}${ids.has(run.worker) ? ', whose record cannot be read' : ''}`,
        fix,
      ),
    ),
    ...unreadable.map(({ id, file }) =>
      warn('run record', `the run record of worker ${id} cannot be read: ${file}`, forget),
    ),
  ];
  return checks.length > 0 ? checks : [ok('engines', 'no engine runs without a worker')];
};

const fix = 'stop it with: rbee doctor --fix, then spawn the worker again';
const forget = 'remove it with: rbee doctor --fix, then spawn the worker again';
const maxCommandLength = 120;

/** `pid 71 (and 2 more) has run for 3 h without an owner: llama-server --port 18000; it was worker qwen` */
export const describeRun = ({ worker, pids, since, argv }: UnownedRun, now: number): string => {
  const more = pids.length > 1 ? ` (and ${pids.length - 1} more)` : '';
  const command = argv.join(' ');
  const shown = command.length > maxCommandLength ? `${command.slice(0, maxCommandLength)}…` : command;
  return `pid ${pids[0]}${more} has run for ${formatAge(since, now)} without an owner: ${shown}; it was worker ${worker}`;
};

const graceMs = 5_000;

/** Stops the engines, and removes the records. Skips engines that have an owner by now. Throws STOP_FAILED, PERMISSION_DENIED. */
export const removeLeftOver = async (search: EngineSearch, left: LeftOver, narrate: Narrate): Promise<LeftOver> => {
  const now = await findLeftOver(search);
  const runs = left.runs.filter(({ nonce }) => now.runs.some((run) => run.nonce === nonce));
  const unreadable = left.unreadable.filter(({ file }) => now.unreadable.some((one) => one.file === file));
  for (const { worker: name, nonce, pids } of runs) {
    narrate({ kind: 'info', text: `stopping pid ${pids[0]}, which was worker ${name}` });
    const group = localConfiner.groupOf({ name, nonce });
    await endStrays(localRunner, { name, nonce, group, signals: [{ signal: 'SIGTERM', graceMs }] });
  }
  for (const { file } of unreadable) {
    narrate({ kind: 'info', text: `removing ${file}` });
    await rm(file, { force: true, recursive: true });
  }
  return { runs, unreadable };
};
