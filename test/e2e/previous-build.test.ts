/**
 * A home of the previous build whose queen was killed: this build takes over everything while its workers keep running.
 */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { readLock } from '../../core/plugins/lock-file.ts';
import { createHome, isAlive, killAndWait, type TestHome } from '../harness/home.ts';
import {
  copyFilled,
  filled,
  pluginValues,
  type RecordedRun,
  runsIn,
  startRecorded,
  startTimeOf,
  type Values,
  writeQueenDb,
} from '../harness/previous-build.ts';
import { until } from '../harness/until.ts';

const skip = process.platform !== 'linux' && 'its records come from Linux';
const runs = runsIn('home/state/runs');
/** Had no process when the queen was killed. */
const stopped = 'halted';
/** Its process ended after the queen. */
const crashed = 'dead';
const going = runs.filter((id) => id !== stopped && id !== crashed);
/** The job, in the queen's database, that spawned `tick`. */
const spawnJob = 'job-468fa4b4e2de';
const pids = new Map<string, number>();
let home: TestHome;

/** PIDs and start times are filled in later, when the processes are started. */
const valuesOf = ({ folder, paths }: TestHome): Record<string, string | number> => {
  const first = Number(/worker_ports = "(\d+)/.exec(readFileSync(paths.rbeeConf, 'utf8'))?.[1]);
  const ports = runs.map(
    (id, nth): Values => ({ [`${id}.port`]: first + nth, [`${id}.pid`]: 0, [`${id}.startTime`]: '' }),
  );
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const about = { HOME: folder, MACHINE: basename(paths.state), NODE: process.execPath, BOOT: boot };
  return Object.assign({ ...about, ...pluginValues }, ...ports);
};

/** Engines see the file of the store under its own name; a checkout cannot keep the hard link. */
const linkModel = (models: string): void => {
  const [blob = ''] = readdirSync(join(models, 'blobs'));
  const [tree = ''] = readdirSync(join(models, 'trees'));
  const file = join(models, 'trees', tree, 'small/small.gguf');
  rmSync(file);
  linkSync(join(models, 'blobs', blob), file);
};

before(async () => {
  if (skip) return;
  home = createHome({ plugins: [] });
  const { paths } = home;
  const values = valuesOf(home);
  copyFilled('home/data', paths.data, values);
  for (const id of runs.filter((id) => id !== stopped)) {
    const record: RecordedRun = JSON.parse(filled(`home/state/runs/${id}.json`, values));
    const pid = await startRecorded(record);
    pids.set(id, pid);
    Object.assign(values, { [`${id}.pid`]: pid, [`${id}.startTime`]: startTimeOf(pid) });
  }
  // A worker that is recorded as ready must answer when the queen looks.
  for (const id of going) await until(() => listens(Number(values[`${id}.port`])), { what: `${id} listens` });
  await killAndWait(pids.get(crashed) ?? 0);
  mkdirSync(paths.runs, { recursive: true, mode: 0o700 });
  copyFilled('home/state/runs', paths.runs, values);
  copyFilled('home/config', paths.config, values);
  // The machine it names is covered in test/ssh/previous-build.test.ts.
  rmSync(join(paths.config, 'hives.conf'));
  linkModel(join(paths.data, 'models'));
  writeQueenDb(filled('home/state/queen.db.json', values), paths.queenDb);
});
after(() => home?.close());

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

interface Shown {
  id: string;
  pid: number | null;
  state: string;
  restarts: number;
  type: string;
}
const list = async (): Promise<Shown[]> => (await home.json(['worker', 'list'])).workers;
const shown = async (id: string): Promise<Shown | undefined> => (await list()).find((worker) => worker.id === id);
const answer = async (name: string): Promise<string> => {
  const run = await home.rbee(['infer', '-m', name, '--max-tokens', '3', 'Hello']);
  assert.equal(run.code, 0, run.stderr);
  return run.stdout.trim();
};

test('workers are listed unchanged, with their running processes', { skip }, async () => {
  const workers = await list();
  assert.deepEqual(workers.map(({ id }) => id).sort(), runs);
  for (const { id, pid, state, restarts } of workers.filter((one) => going.includes(one.id))) {
    assert.deepEqual({ id, pid, state, restarts }, { id, pid: pids.get(id), state: 'ready', restarts: 0 });
  }
  const { pid, state } = workers.find(({ id }) => id === stopped) ?? {};
  assert.deepEqual({ pid, state }, { pid: null, state: 'stopped' });
});

test('workers answer with the keys of their records', { skip }, async () => {
  for (const name of ['tick', 'chirp', 'small']) assert.equal(await answer(name), '0 1 2');
  assert.match(await answer('demo'), /\w/);
});

test('a worker whose process ended in between is restarted, as its record demands', { skip }, async () => {
  const again = await until(async () => {
    const worker = await shown(crashed);
    return worker?.state === 'ready' && worker;
  });
  assert.notEqual(again.pid, pids.get(crashed));
  assert.equal(again.restarts, 1);
});

test('workers that are stopped, started or restarted use this build; the others are left alone', { skip }, async () => {
  await home.json(['worker', 'start', stopped]);
  await home.json(['worker', 'stop', 'small']);
  assert.equal(isAlive(pids.get('small') ?? 0), false);
  await home.json(['worker', 'start', 'small']);
  await home.json(['worker', 'restart', 'demo']);
  assert.equal(isAlive(pids.get('demo') ?? 0), false);
  for (const name of [stopped, 'small']) assert.equal(await answer(name), '0 1 2');
  assert.match(await answer('demo'), /\w/);
  assert.equal((await shown('tick'))?.pid, pids.get('tick'));
});

// Its plugin uses a draft of the contract that no release accepts.
test('a worker that could not be started again is not stopped for a restart', { skip }, async () => {
  const run = await home.rbee(['worker', 'restart', 'chirp']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /@rbee-test\/worker-chirp cannot be used: .*platforms/);
  const { pid, state } = (await shown('chirp')) ?? {};
  assert.deepEqual({ pid, state }, { pid: pids.get('chirp'), state: 'ready' });
});

test('models, plugins and jobs are kept, and the lock still applies', { skip }, async () => {
  const { models } = await home.json(['model', 'list']);
  assert.equal(models.length, 1);
  const { model, complete, workers } = models[0];
  assert.deepEqual({ model, complete, workers }, { model: 'hf:acme/small', complete: true, workers: ['small'] });
  const { plugins } = await home.json(['plugins', 'list']);
  const chirp = plugins.find(({ name }: { name: string }) => name === '@rbee-test/worker-chirp');
  assert.deepEqual([chirp.version, chirp.source, chirp.follows], ['1.0.0', 'installed', '^1.0']);
  const [locked, ...others] = await readLock(home.paths.config);
  assert.deepEqual(others, []);
  assert.equal(locked?.integrity, chirp.integrity);
  assert.equal(locked?.requested, '^1.0');
  const old = await home.json(['job', 'get', spawnJob]);
  assert.deepEqual([old.operation, old.state, old.result.id], ['worker_spawn', 'succeeded', 'tick']);
  assert.match((await home.rbee(['job', 'attach', spawnJob])).stderr, /tick is ready on port/);
});

test('deleting the workers leaves nothing of them', { skip }, async () => {
  await home.json(['worker', 'delete', '--all', '--now']);
  assert.deepEqual(await list(), []);
  assert.deepEqual(readdirSync(home.paths.runs), []);
  for (const pid of pids.values()) assert.equal(isAlive(pid), false);
});
