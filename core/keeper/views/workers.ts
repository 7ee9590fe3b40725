/** Formats workers. */
import type { WorkerList } from '../../contract/api/queen-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import { labelled } from '../../narration/hint.ts';
import { jsonForPeople } from '../../narration/printable.ts';
import { formatAge, formatDuration } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../terminal/table.ts';
import { howToAsk } from './how-to-ask.ts';

export const formatWorkerList = ({ workers, absent = [] }: WorkerList, terminal: Terminal): string => {
  if (absent.length === 0) return formatWorkers(workers, terminal);
  const warnings = absent.map(({ hive, status, reason }) => {
    const why = reason === null ? '' : ` (${reason})`;
    return `${paint('yellow', `hive ${hive} is ${status}${why}: its workers may still be running`, terminal)}\n`;
  });
  return (workers.length === 0 ? '' : `${formatWorkers(workers, terminal)}\n`) + warnings.join('');
};

export const formatWorkers = (workers: readonly WorkerView[], terminal: Terminal, now = Date.now()): string => {
  if (workers.length === 0) return 'no workers; start one with: rbee worker spawn --type llamacpp --model demo\n';
  return formatTable(workers, columns(now), terminal) + failures(workers, terminal);
};

const columns = (now: number): Column<WorkerView>[] => {
  return [
    { title: 'WORKER', value: (worker) => worker.id },
    { title: 'STATE', value: stateText, style: (worker) => stateStyle(worker.state) },
    { title: 'MODEL', value: (worker) => worker.model ?? '-', flexible: true },
    { title: 'TYPE', value: (worker) => worker.type },
    { title: 'DEVICE', value: (worker) => worker.device, flexible: true },
    { title: 'HIVE', value: (worker) => worker.hive, flexible: true },
    { title: 'PID', value: (worker) => text(worker.pid), align: 'right' },
    { title: 'PORT', value: (worker) => text(worker.port), align: 'right' },
    { title: 'UP', value: (worker) => age(worker, now), align: 'right' },
    { title: 'RESTARTS', value: (worker) => String(worker.restarts), align: 'right' },
    { title: 'LOAD', value: loadText, align: 'right' },
  ];
};

const text = (value: number | null): string => (value === null ? '-' : String(value));

const age = (worker: WorkerView, now: number): string =>
  worker.pid === null || worker.startedAt === null ? '-' : formatAge(worker.startedAt, now);

const stateText = (worker: WorkerView): string =>
  worker.state === 'loading' && worker.progress !== null
    ? `loading ${Math.floor(worker.progress * 100)} %`
    : worker.state;

/** A kill from outside is not the worker's fault, so it is counted separately. */
const restartText = ({ restarts, kills = 0 }: WorkerView): string =>
  kills === 0 ? String(restarts) : `${restarts} (${kills} after it was killed from outside)`;

/** Running requests, and those waiting for a slot. */
const loadText = (worker: WorkerView): string => {
  if (worker.running === null) return '-';
  return worker.waiting ? `${worker.running}+${worker.waiting}` : String(worker.running);
};

const styles: Record<string, 'green' | 'yellow' | 'red' | 'dim'> = {
  ready: 'green',
  failed: 'red',
  lost: 'red',
  unhealthy: 'red',
  sleeping: 'dim',
  stopped: 'dim',
};
const stateStyle = (state: string) => styles[state] ?? 'yellow';

/** Why workers failed: one word in a table is not enough. */
const failures = (workers: readonly WorkerView[], terminal: Terminal): string =>
  workers
    .filter((worker) => worker.failure !== null && worker.state !== 'ready')
    .map(({ id, failure }) => {
      const why = `${id}: ${failure?.message ?? ''}`;
      return `\n${paint('red', why, terminal)}\n  ${labelled(failure?.hint ?? '')}\n`;
    })
    .join('');

/** Show everything about one worker. */
export const formatWorker = (worker: WorkerView, terminal: Terminal, now = Date.now()): string => {
  const up = worker.startedAt === null ? null : `${worker.startedAt} (${formatAge(worker.startedAt, now)} ago)`;
  const options = optionLines(worker);
  const failure = worker.failure;
  const pairs = formatPairs(
    [
      ['worker', worker.id],
      ['state', stateText(worker)],
      ['model', worker.model],
      ['names', worker.names.length > 1 ? worker.names.join(', ') : null],
      ['loaded from', worker.reference],
      ['type', `${worker.type} (${worker.variant})`],
      ['device', worker.device],
      ['engine', worker.engine],
      ['plugin', `${worker.plugin} ${worker.pluginVersion}`],
      ['hive', worker.hive],
      ['pid', worker.pid === null ? null : String(worker.pid)],
      ['port', worker.port === null ? null : String(worker.port)],
      ['started', up],
      ['ready after', worker.readyMs === null ? null : formatDuration(worker.readyMs)],
      ['restarts', restartText(worker)],
      ...abilityLines(worker).map((line, index) => [index === 0 ? 'can do' : '', line] as const),
      ...(worker.paths ?? []).map((path, index) => [index === 0 ? 'serves' : '', path] as const),
      ['slots', worker.slots === undefined ? null : String(worker.slots)],
      ['requests', worker.running === null ? null : `${worker.running} running, ${worker.waiting ?? 0} waiting`],
      ...options.map((option, index) => [index === 0 ? 'options' : '', option] as const),
      ['log', worker.logFile],
      ['failed', failure && `${failure.message} (${failure.cause}, ${failure.at})`],
      ['try', failure?.hint],
    ],
    terminal,
  );
  const lines = failure?.log.slice(-20).map((line) => `  | ${line}\n`) ?? [];
  return pairs + lines.join('');
};

const abilityLines = ({ abilities = {} }: WorkerView): string[] =>
  Object.entries(abilities).map(([name, value]) =>
    typeof value === 'boolean' ? `${name}: ${value ? 'yes' : 'no'}` : `${name}: ${value}`,
  );

/** The options that were set explicitly; an engine has many more. */
const optionLines = ({ options, givenOptions = Object.keys(options) }: WorkerView): string[] => {
  const given = Object.entries(options).filter(([key]) => givenOptions.includes(key));
  const others = Object.keys(options).length - given.length;
  const lines = given.map(([key, value]) => `${key}=${jsonForPeople(value)}`);
  if (others === 0) return lines;
  return [...lines, `${others}${given.length > 0 ? ' more' : ''} at their defaults (--json shows them)`];
};

/** The output of `worker spawn`. */
export const formatSpawned = (worker: WorkerView, terminal: Terminal): string => {
  const ready = worker.readyMs === null ? null : formatDuration(worker.readyMs);
  const name = worker.model;
  return formatPairs(
    [
      ['worker', worker.id],
      ['model', name],
      ['device', `${worker.device} on hive ${worker.hive}`],
      ['pid', worker.pid === null ? null : String(worker.pid)],
      ['port', worker.port === null ? null : String(worker.port)],
      ['ready after', ready],
      ['ask it', name === null ? null : howToAsk(name, worker.kinds)],
    ],
    terminal,
  );
};

/** The state of a worker in one line. */
export const formatWorkerStatus = (worker: WorkerView, terminal: Terminal, now = Date.now()): string => {
  const place = worker.pid === null ? '' : ` (pid ${worker.pid}, port ${text(worker.port)}, up ${age(worker, now)})`;
  const state = paint(stateStyle(worker.state), stateText(worker), terminal);
  return `${worker.id} is ${state}${place}\n${failures([worker], terminal).replace(/^\n/, '')}`;
};
