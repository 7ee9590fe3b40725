/** What is wrong with a fleet after a storm: compares lists, run records and processes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HiveView, JobView, WorkerList } from '../../../core/contract/api/queen-api.ts';
import type { WorkerView } from '../../../core/contract/worker.ts';
import type { Field } from './field.ts';
import { hives } from './plan.ts';
import { type Process, playersOf, plays, processesOf } from './processes.ts';
import type { Wished } from './wishes.ts';

/** One sentence for each problem; none when all is well. */
export const problemsOf = async (field: Field, wishes: readonly Wished[]): Promise<string[]> => {
  const { queen } = field;
  const [fleet, list, { jobs }] = await Promise.all([
    queen.get<{ hives: HiveView[] }>('/v1/hives'),
    queen.get<WorkerList>('/v1/workers'),
    queen.get<{ jobs: JobView[] }>('/v1/jobs?limit=9999'),
  ]);
  const processes = processesOf(field);
  return [
    ...fleet.hives.flatMap((hive) => hiveProblems(hive, processes)),
    ...jobs.flatMap(({ id, operation, state }) => (state === 'running' ? [`job ${id} (${operation}) still runs`] : [])),
    ...hives.flatMap((hive) => {
      const workers = list.workers.filter((worker) => worker.hive === hive);
      const records = recordsOf(field, hive);
      return [
        ...workers.flatMap(inTransit),
        ...recordProblems(hive, workers, records),
        ...familyProblems(
          workers,
          records,
          processes.filter((process) => process.hive === hive && process.nonce !== null),
        ),
      ];
    }),
    ...wishes.flatMap((wished) => unfulfilled(wished, list.workers)),
  ];
};

/** A hive that has just died is shown as online for a moment, so the shown process must also be the running one. */
const hiveProblems = ({ alias, status, reason, mode, pid }: HiveView, processes: readonly Process[]): string[] => {
  if (status !== 'online') return [`hive ${alias} is ${status}: ${reason}`];
  const daemon = mode === 'attached' ? 'queen' : mode === 'local' ? 'local hive' : 'remote hive';
  const pids = playersOf(daemon, processes).map(({ inside }) => inside);
  return pids.length === 1 && pids[0] === pid
    ? []
    : [`hive ${alias} is shown as ${pid} and runs as ${pids.join(', ')}`];
};

/** For the report of a failure. */
export const shownProcess = ({ hive, pid, inside, parent, state, worker, nonce, argv }: Process): string =>
  `${hive} pid ${pid} (${inside} there) parent ${parent} state ${state} ${nonce ? `worker ${worker} nonce ${nonce} ` : ''}${argv.join(' ')}`;

type Records = ReadonlyMap<string, { nonce: string } | null>;

/** By id; null for an unreadable record. */
const recordsOf = (field: Field, hive: string): Records => {
  const folder = join(field.folders(hive).state, 'runs');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return new Map(
    names.map((name) => {
      try {
        return [name.slice(0, -'.json'.length), JSON.parse(readFileSync(join(folder, name), 'utf8'))];
      } catch {
        return [name.slice(0, -'.json'.length), null];
      }
    }),
  );
};

const inTransit = ({ id, hive, state, failure }: WorkerView): string[] => {
  if (state === 'ready' || state === 'stopped') return [];
  return [`worker ${id} on ${hive} is ${state}${failure ? `: ${failure.message}` : ''}`];
};

const recordProblems = (hive: string, workers: readonly WorkerView[], records: Records): string[] => [
  ...[...records].flatMap(([id, record]) => {
    if (record === null) return [`the run record of ${id} on ${hive} cannot be read`];
    return workers.some((worker) => worker.id === id) ? [] : [`${id} on ${hive} has a run record and is in no list`];
  }),
  ...workers.flatMap(({ id }) => (records.has(id) ? [] : [`worker ${id} on ${hive} has no run record`])),
];

/** Each process with a nonce belongs to the one running worker whose record has that nonce. */
const familyProblems = (workers: readonly WorkerView[], records: Records, processes: readonly Process[]): string[] => {
  const running = workers.filter(({ state }) => state !== 'stopped');
  const owners = new Map(running.map((worker) => [records.get(worker.id)?.nonce, worker]));
  const strangers = processes.filter(({ nonce }) => !owners.has(nonce ?? ''));
  return [
    ...strangers.map((process) => `orphan: ${shownProcess(process)}`),
    ...running.flatMap((worker) => {
      const family = processes.filter(({ nonce }) => owners.get(nonce ?? '') === worker);
      return oneFamily(worker, family);
    }),
  ];
};

/** One engine, which is the process shown, and at most one child of each kind. */
const oneFamily = ({ id, hive, pid }: WorkerView, family: readonly Process[]): string[] => {
  const engines = family.filter((process) => plays(process, 'engine'));
  const kinds = Map.groupBy(
    family.filter((process) => !engines.includes(process)),
    ({ argv }) => argv.join(' '),
  );
  return [
    ...(engines.length === 1 ? [] : [`worker ${id} on ${hive} has ${engines.length} engines`]),
    ...engines.flatMap((engine) =>
      engine.inside === pid ? [] : [`worker ${id} on ${hive} is shown as ${pid} and runs as ${engine.inside}`],
    ),
    ...[...kinds].flatMap(([words, { length }]) =>
      length === 1 ? [] : [`worker ${id} on ${hive} has ${length} children "${words}"`],
    ),
  ];
};

const unfulfilled = ({ hive, id, wish }: Wished, workers: readonly WorkerView[]): string[] => {
  if (wish === 'either') return [];
  const worker = workers.find((one) => one.id === id && one.hive === hive);
  const state = worker?.state ?? 'gone';
  const wanted = wish === 'running' ? 'ready' : wish;
  return state === wanted ? [] : [`worker ${id} on ${hive} should be ${wanted} and is ${state}`];
};
