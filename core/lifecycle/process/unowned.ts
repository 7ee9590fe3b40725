/**
 * Finds engines that run without an owner, because their run record was lost or is unreadable. Their environment holds
 * a nonce and the state folder of their hive, and no record in that folder has this nonce.
 */
import { sameProcess } from '../system/identity.ts';
import { nonceVariable, stateMark, stateVariable, workerVariable } from '../system/marks.ts';
import type { ProcessIdentity, Runner } from '../system/runner.ts';
import type { RunRecord } from './process-plan.ts';
import type { RunRecords } from './run-records.ts';

export interface UnownedRun {
  /** Id of the former worker. */
  worker: string;
  nonce: string;
  /** All its processes, oldest first. */
  pids: number[];
  /** Start of the oldest process, ISO 8601. */
  since: string;
  /** Command line of the oldest process. */
  argv: readonly string[];
}

export interface UnownedOptions {
  state: string;
  records: RunRecords;
  /** PIDs of the workers that a running hive reports: it knows them even if their record was lost. */
  owned?: ReadonlySet<number>;
}

/** The unowned runs of one state folder, sorted by their start. Changes nothing. */
export const findUnowned = async (
  runner: Runner,
  { state, records, owned: living }: UnownedOptions,
): Promise<UnownedRun[]> => {
  // Records are written before the process starts, so they must be read after the processes were listed.
  const marked = await markedProcesses(runner, state);
  const { records: known } = await records.examine();
  const owned = new Set(known.filter(mayRun).map(({ nonce }) => nonce));
  for (const { identity, nonce } of marked) if (living?.has(identity.pid)) owned.add(nonce);
  const runs = Map.groupBy(
    marked.filter(({ nonce }) => !owned.has(nonce)),
    ({ nonce }) => nonce,
  );
  const found = await Promise.all([...runs.values()].map((processes) => describeRun(runner, processes)));
  return found.filter((run) => run !== null).sort((a, b) => (a.since < b.since ? -1 : 1));
};

interface Marked {
  identity: ProcessIdentity;
  nonce: string;
  worker: string;
}

/** A stopped worker has no process: one that carries its nonce was left behind. */
const mayRun = ({ wanted, pid }: RunRecord): boolean => wanted === 'running' || pid !== null;

const markedProcesses = async (runner: Runner, state: string): Promise<Marked[]> => {
  const carriers = await runner.findByEnvironment(stateVariable, stateMark(state));
  const marked = await Promise.all(
    carriers.map(async (identity) => {
      const environment = (await runner.environment(identity.pid)) ?? [];
      const mark = (name: string) =>
        environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
      return { identity, nonce: mark(nonceVariable), worker: mark(workerVariable) };
    }),
  );
  return marked.filter(({ nonce, identity }) => nonce !== '' && identity.pid !== runner.ownPid);
};

/** Null if it has ended since, like a worker that is being stopped or restarted. */
const describeRun = async (runner: Runner, processes: readonly Marked[]): Promise<UnownedRun | null> => {
  const living = await Promise.all(
    processes.map(async ({ identity, nonce, worker }) => {
      const description = await runner.describe(identity.pid);
      const isThere = sameProcess(await runner.identity(identity.pid), identity);
      return description !== null && isThere ? { pid: identity.pid, nonce, worker, ...description } : null;
    }),
  );
  const [oldest, ...others] = living.filter((one) => one !== null).sort((a, b) => a.startedAt - b.startedAt);
  if (oldest === undefined) return null;
  return {
    worker: oldest.worker,
    nonce: oldest.nonce,
    pids: [oldest.pid, ...others.map(({ pid }) => pid)],
    since: new Date(oldest.startedAt).toISOString(),
    argv: oldest.argv,
  };
};
