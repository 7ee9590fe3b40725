/**
 * The clients of a storm: two command lines and one application, all changing the same few workers. The application
 * also has a worker of its own on each hive, and repeats each change of it until it is acknowledged.
 */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { OperationInput, OperationName } from '../../../core/contract/api/operations.ts';
import type { WorkerList } from '../../../core/contract/api/queen-api.ts';
import { RbeeError } from '../../../core/contract/errors.ts';
import { type Field, workerType } from './field.ts';
import type { StormLog } from './log.ts';
import { type Change, hives, type Request, type StormPlan } from './plan.ts';

export interface Attempt {
  client: string;
  request: Request;
  began: number;
  /** Null while it is running. */
  ended: number | null;
  /** `refused`: it certainly changed nothing. `unknown`: it was interrupted, and may still take effect. */
  outcome: 'done' | 'refused' | 'unknown' | null;
  /** The hive whose worker was changed, where the answer says so. */
  hive: string | null;
}

export interface Clients {
  attempts: readonly Attempt[];
  /** `begin` and `end` of each command. */
  events: EventEmitter;
  /** PIDs of commands that are running. */
  commands(): number[];
  /** Makes no further requests and lets running ones end. Resolves when all have ended. */
  finish(): Promise<void>;
  /** Kills running commands and makes no further requests. */
  abandon(): void;
}

export const ownId = (hive: string): string => `own-${hive}`;

export const startClients = (field: Field, plan: StormPlan, log: StormLog): Clients => {
  const attempts: Attempt[] = [];
  const events = new EventEmitter();
  const running = new Set<ChildProcess>();
  let finishing = false;
  let abandoned = false;

  const attempt = async (client: string, request: Request, work: () => Promise<Outcome>): Promise<Attempt> => {
    const made: Attempt = { client, request, began: performance.now(), ended: null, outcome: null, hive: null };
    attempts.push(made);
    events.emit('begin');
    const { outcome, hive, said } = await work();
    Object.assign(made, { outcome, hive, ended: performance.now() });
    const ms = Math.round(performance.now() - made.began);
    log.add(`${client}: ${wordsOf(request).join(' ')}: ${outcome} after ${ms} ms${said ? ` (${said})` : ''}`);
    events.emit('end');
    return made;
  };

  const commandLine = async (number: number): Promise<void> => {
    for (const request of plan.requests(number)) {
      if (finishing) return;
      await attempt(`command line ${number}`, request, async () => {
        const child = field.fleet.home.start([...wordsOf(request), '--json']);
        running.add(child);
        return await endOf(child).finally(() => running.delete(child));
      });
    }
  };

  const application = async (number: number): Promise<void> => {
    const own = Object.fromEntries(hives.map((hive) => [hive, 0]));
    let turn = 0;
    for (const request of plan.requests(number)) {
      if (finishing) return;
      await attempt('application', request, () => askQueen(field, request));
      const hive = hives[turn++ % hives.length]!;
      const change = ownChanges[own[hive]!]!;
      const mine: Request = { change, id: ownId(hive), hive, now: true };
      // No other client touches this worker, so a repeated request means the same as the first.
      for (;;) {
        const { outcome } = await attempt('application', mine, () => insist(field, mine));
        if (outcome === 'done' || abandoned) break;
        await delay(50);
      }
      own[hive] = (own[hive]! + 1) % ownChanges.length;
    }
  };

  const all = Promise.all([commandLine(1), commandLine(2), application(3)]);
  all.catch((error) => log.add(`a client failed: ${error instanceof Error ? error.stack : error}`));
  return {
    attempts,
    events,
    commands: () => [...running].flatMap(({ pid }) => pid ?? []),
    finish: async () => {
      finishing = true;
      await all;
    },
    abandon: () => {
      finishing = true;
      abandoned = true;
      for (const child of running) child.kill('SIGKILL');
    },
  };
};

const ownChanges: readonly Change[] = ['spawn', 'restart', 'stop', 'start', 'restart', 'delete'];

interface Outcome {
  outcome: 'done' | 'refused' | 'unknown';
  hive: string | null;
  said?: string;
}

/** The command line after `rbee`. */
export const wordsOf = ({ change, id, hive, now }: Request): string[] => {
  const where = hive === null ? [] : ['--hive', hive];
  if (change === 'spawn') return ['worker', 'spawn', '--type', workerType, '--id', id, ...where];
  return ['worker', change, id, ...where, ...(now && change !== 'start' ? ['--now'] : [])];
};

const endOf = async (child: ChildProcess): Promise<Outcome> => {
  child.stdin?.on('error', () => {});
  child.stdin?.end();
  const ended = new Promise<string>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`)),
  );
  const [out, , end] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
  const answer = parsed(out) as { hive?: string; error?: { code: string; message: string } } | null;
  if (end === 'exit code 0' && answer?.hive) return { outcome: 'done', hive: answer.hive };
  const said = answer?.error ? `${answer.error.code}: ${answer.error.message}` : end;
  return { outcome: refusals.has(answer?.error?.code ?? '') ? 'refused' : 'unknown', hive: null, said };
};

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
};

/** Errors that are found before anything is done. */
const refusals = new Set([
  'WORKER_NOT_FOUND',
  'WORKER_AMBIGUOUS',
  'INVALID_INPUT',
  'NAME_CONFLICT',
  'HIVE_NOT_RUNNING',
  'QUEEN_START_FAILED',
  'QUEEN_BUSY',
]);

const askQueen = async ({ queen }: Field, request: Request): Promise<Outcome> => {
  const { change, id, hive, now } = request;
  try {
    const named =
      change === 'spawn' ? { type: workerType, id } : { worker: id, ...(now && change !== 'start' && { now }) };
    const input = { ...named, ...(hive !== null && { hive }) };
    const operation: OperationName = `worker_${change}`;
    const worker = await queen.runOperation(operation, input as OperationInput<typeof operation>);
    return { outcome: 'done', hive: worker.hive };
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    const said = `${error.code}: ${error.message}`;
    if (!isUnsent(error)) return { outcome: refusals.has(error.code) ? 'refused' : 'unknown', hive: null, said };
    // The command lines start a queen; the application waits for one.
    await delay(100);
    return { outcome: 'refused', hive: null, said };
  }
};

/** Nothing was there to receive the request. */
const isUnsent = ({ code, cause }: RbeeError): boolean =>
  code === 'QUEEN_NOT_RUNNING' &&
  /^(ENOENT|ECONNREFUSED)$/.test((cause as NodeJS.ErrnoException | undefined)?.code ?? '');

/** An attempt that also counts as done if an earlier one turns out to have succeeded. */
const insist = async (field: Field, request: Request): Promise<Outcome> => {
  const asked = await askQueen(field, request);
  if (asked.outcome !== 'refused' || asked.said?.startsWith('QUEEN_')) return asked;
  if (request.change === 'spawn') {
    // It exists or is being started: wait until it is ready.
    const started = await askQueen(field, { ...request, change: 'start' });
    return started.outcome === 'done' ? started : { ...started, outcome: 'unknown' };
  }
  const list = await field.queen.get<WorkerList>('/v1/workers').catch(() => null);
  const known = list !== null && list.absent === undefined;
  const isGone = known && !list.workers.some(({ id, hive }) => id === request.id && hive === request.hive);
  if (request.change === 'delete' && isGone)
    return { outcome: 'done', hive: request.hive, said: 'it was gone already' };
  return { ...asked, outcome: 'unknown' };
};
