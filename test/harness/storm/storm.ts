/**
 * A storm: faults and requests made from a seed, and the check that all is well afterwards. It throws an error that
 * says how to repeat it, what is wrong, what was done, and where the state of the machines is kept.
 */
import { cpSync, lstatSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerList } from '../../../core/contract/api/queen-api.ts';
import { type Clients, startClients, wordsOf } from './clients.ts';
import { sendFaults } from './faults.ts';
import { createField, type Field, workerType } from './field.ts';
import { fileProblems } from './leftovers.ts';
import { createLog, type StormLog } from './log.ts';
import { hives, planStorm, type StormPlan, sharedIds } from './plan.ts';
import { problemsOf, shownProcess } from './problems.ts';
import { processesOf } from './processes.ts';
import { steadyId, type Wished, wishesOf } from './wishes.ts';

export interface StormResult {
  /** Lines for the test output. */
  summary: readonly string[];
}

/** Once the faults are over: how long running commands may take to end, and the fleet to settle. */
const endMs = 90_000;
const settleMs = 90_000;

export const runStorm = async (seed: number, count: number): Promise<StormResult> => {
  const plan = planStorm(seed, count);
  const log = createLog();
  const field = await createField(plan);
  const stages = new Stages(log);
  let clients: Clients | undefined;
  try {
    await stages.run('before the storm', () => prepare(field));
    const started = startClients(field, plan, log);
    clients = started;
    const tally = await stages.run('storm', () => sendFaults(field, plan, started, log));
    await stages.run('end of all commands', () => ended(field, started));
    const wishes = wishesOf(started.attempts);
    await stages.run('settling', () => settled(field, wishes));
    await stages.run('reading', () => readable(field));
    await stages.run('use afterwards', () => usable(field));
    await stages.run('removal', () => removed(field, plan.mode));
    return { summary: [`signals: ${JSON.stringify(tally.hits)}`, requestSummary(started, wishes), stages.summary()] };
  } catch (error) {
    throw new Error(await reportOf(field, { seed, count, mode: plan.mode }, log, error), { cause: error });
  } finally {
    clients?.abandon();
    await field.fleet.close();
  }
};

class Stages {
  readonly #log: StormLog;
  readonly #done: string[] = [];

  constructor(log: StormLog) {
    this.#log = log;
  }

  async run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.#log.add(`-- ${name}`);
    const began = performance.now();
    const result = await work();
    this.#done.push(`${name} ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return result;
  }

  summary(): string {
    return this.#done.join(', ');
  }
}

const prepare = async ({ fleet }: Field): Promise<void> => {
  await fleet.home.json(['sync']);
  await Promise.all(
    hives.map((hive) =>
      fleet.home.json(['worker', 'spawn', '--type', workerType, '--id', steadyId(hive), '--hive', hive]),
    ),
  );
};

/** Starts a queen with an ordinary command, then waits for every client to finish. */
const ended = async ({ fleet }: Field, clients: Clients): Promise<void> => {
  const all = Promise.all([fleet.home.json(['status']), clients.finish()]).then(() => 'ended' as const);
  const waiting = new AbortController();
  const first = await Promise.race([all, delay(endMs, 'hung' as const, { signal: waiting.signal })]).finally(() => {
    waiting.abort();
  });
  if (first === 'ended') return;
  all.catch(() => {});
  const open = clients.attempts.filter(({ ended }) => ended === null);
  const words = open.map(({ client, request, began }) => {
    const seconds = Math.round((performance.now() - began) / 1000);
    return `${client}: ${wordsOf(request).join(' ')} has hung for ${seconds} s`;
  });
  throw new Error(words.join('\n') || 'a client repeats a change in vain');
};

const settled = async (field: Field, wishes: readonly Wished[]): Promise<void> => {
  for (const end = performance.now() + settleMs; ; await delay(200)) {
    const problems = await problemsOf(field, wishes);
    if (problems.length === 0) return;
    if (performance.now() > end) throw new Error(problems.join('\n'));
  }
};

/** Every read answers, and the check of the fleet finds nothing wrong. */
const readable = async ({ fleet }: Field): Promise<void> => {
  await Promise.all(
    [['status'], ['worker', 'list'], ['hive', 'list'], ['doctor']].map((words) => fleet.home.json(words)),
  );
};

/** The contested workers can be spawned again, and the untouched ones can be changed. */
const usable = async ({ fleet, queen }: Field): Promise<void> => {
  const all = hives.flatMap((hive) => sharedIds.map((id) => ({ hive, id })));
  await Promise.all([
    ...hives.map((hive) => fleet.home.json(['worker', 'restart', steadyId(hive), '--hive', hive])),
    ...all.map(async ({ hive, id }) => {
      await queen.runOperation('worker_delete', { worker: id, hive, now: true }).catch((error) => {
        if (error.code !== 'WORKER_NOT_FOUND') throw error;
      });
      const { state } = await queen.runOperation('worker_spawn', { type: workerType, id, hive });
      if (state !== 'ready') throw new Error(`worker ${id} on ${hive} was spawned again and is ${state}`);
    }),
  ]);
};

const removed = async (field: Field, mode: StormPlan['mode']): Promise<void> => {
  const { home } = field.fleet;
  await home.json(['worker', 'delete', '--all', '--now']);
  const left = processesOf(field).filter(({ nonce }) => nonce !== null);
  if (left.length > 0)
    throw new Error(left.map((process) => `outlives its worker: ${shownProcess(process)}`).join('\n'));
  await home.json(['hive', 'stop', 'pi']);
  // Inside the queen it ends with it.
  if (mode === 'standalone') await home.json(['hive', 'stop', 'local']);
  await home.json(['queen', 'stop']);
  const end = performance.now() + 20_000;
  const remaining = () => processesOf(field).filter(({ argv }) => !/^sshd: .*\[listener\]/.test(argv.join(' ')));
  while (remaining().length > 0 && performance.now() < end) await delay(20);
  const problems = [
    ...remaining().map((process) => `outlives everything: ${shownProcess(process)}`),
    ...fileProblems(field),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
};

const requestSummary = ({ attempts }: Clients, wishes: readonly Wished[]): string => {
  const counted = (outcome: string): string => `${attempts.filter((one) => one.outcome === outcome).length} ${outcome}`;
  const certain = wishes.filter(({ wish }) => wish !== 'either').length;
  return `requests: ${['done', 'refused', 'unknown'].map(counted).join(', ')}; ${certain} of ${wishes.length} ends are certain`;
};

const reportOf = async (
  field: Field,
  { seed, count, mode }: { seed: number; count: number; mode: string },
  log: StormLog,
  error: unknown,
): Promise<string> => {
  const kept = mkdtempSync(join(tmpdir(), `rbee-storm-${seed}-`));
  const workers = await field.queen.get<WorkerList>('/v1/workers').catch((reason) => String(reason));
  const processes = processesOf(field).map(shownProcess);
  const parts = {
    problems: error instanceof Error ? (error.stack ?? error.message) : String(error),
    processes: processes.join('\n'),
    workers: JSON.stringify(workers, null, 2),
    log: log.lines.join('\n'),
  };
  for (const [name, text] of Object.entries(parts)) writeFileSync(join(kept, `${name}.txt`), `${text}\n`);
  for (const hive of hives) keepState(field.folders(hive).state, join(kept, hive));
  return [
    `the storm from seed ${seed} (${count} faults, ${mode}) left something wrong:`,
    parts.problems,
    `repeat it with: RBEE_STORM_SEED=${seed} npm test -- test/chaos/storm.test.ts`,
    `everything that was done, all processes and the state folders are kept in ${kept}`,
    'processes:',
    ...processes,
    'the last of what was done:',
    ...log.lines.slice(-60),
  ].join('\n');
};

/** Sockets cannot be copied, and are useless later. */
const keepState = (from: string, to: string): void => {
  try {
    cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
  } catch (error) {
    writeFileSync(`${to}.txt`, `${from} could not be kept: ${error}\n`);
  }
};
