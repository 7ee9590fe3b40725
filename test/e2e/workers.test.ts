/** The life of workers as users see it: the real command, real daemons, and an engine that misbehaves on request. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import type { WorkerView } from '../../core/contract/worker.ts';
import { connectQueen } from '../../core/queen/client/index.ts';
import { createHome, kill, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

let home: TestHome;
before(() => {
  home = createHome();
});
after(() => home.close());

const spawn = (name: string, flags: readonly string[] = [], more: readonly string[] = []) =>
  home.rbee([
    'worker',
    'spawn',
    '--type',
    'fake',
    '--device',
    'cpu',
    '--name',
    name,
    '--option',
    `args=${JSON.stringify(flags)}`,
    ...more,
  ]);
const spawned = async (name: string, flags: readonly string[] = [], more: readonly string[] = []) => {
  const run = await spawn(name, flags, [...more, '--json']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return JSON.parse(run.stdout);
};
const list = async () => (await home.json(['worker', 'list'])).workers;
const get = (id: string) => home.json(['worker', 'get', id]);
const alive = (pid: number) => existsSync(`/proc/${pid}`);
const failure = (stdout: string) => JSON.parse(stdout).error;

test('a spawn starts the queen, reports progress, and prints id, pid, port and the time to ready', async () => {
  const run = await spawn('first');
  assert.equal(run.code, 0, run.stderr);
  const [worker] = await list();
  for (const fact of [worker.id, String(worker.pid), String(worker.port)])
    assert.ok(run.stdout.includes(fact), `${fact} in:\n${run.stdout}`);
  assert.match(run.stderr, /starting fake-\w{4} on cpu/);
  assert.equal(worker.state, 'ready');
  assert.equal(worker.model, 'first');
  assert.equal(worker.hive, 'local');
  assert.ok(alive(worker.pid));
});

test('a declared worker is shown as declared, also by a later queen, while its spec stays hidden', async () => {
  const queen = connectQueen({ socketPath: home.paths.queenSocket });
  const spec = { type: 'fake', device: 'cpu', id: 'declared-1', name: 'declared', declaration: 'a1b2c3d4' };
  const worker = await queen.runOperation('worker_spawn', spec);
  assert.equal(worker.declaration, 'a1b2c3d4');
  assert.equal((await spawned('by-hand')).declaration, null);
  assert.ok(!('spec' in worker));
  await home.rbee(['queen', 'restart']);
  const found = await get('declared-1');
  assert.equal(found.declaration, 'a1b2c3d4');
  assert.equal(found.pid, worker.pid);
  for (const id of ['declared-1', 'by-hand']) {
    const { id: own } = (await list()).find((one: WorkerView) => one.id === id || one.model === id);
    await home.json(['worker', 'delete', own]);
  }
});

test('a stopped worker is listed as stopped, and starts again under the same id', async () => {
  const worker = await spawned('pausing');
  await home.json(['worker', 'stop', worker.id]);
  const stopped = await get(worker.id);
  assert.equal(stopped.state, 'stopped');
  assert.equal(stopped.pid, null);
  assert.ok(!alive(worker.pid));
  const again = await home.json(['worker', 'start', worker.id]);
  assert.equal(again.id, worker.id);
  assert.equal(again.state, 'ready');
  assert.notEqual(again.pid, worker.pid);
  const restarted = await home.json(['worker', 'restart', worker.id]);
  assert.equal(restarted.state, 'ready');
  assert.notEqual(restarted.pid, again.pid);
});

test('stopping a stopped worker and starting a running one is not an error', async () => {
  const worker = await spawned('twice');
  const same = await home.json(['worker', 'start', worker.id]);
  assert.equal(same.pid, worker.pid);
  await home.json(['worker', 'stop', worker.id]);
  await home.json(['worker', 'stop', worker.id]);
});

test('a killed worker is restarted automatically', async () => {
  const worker = await spawned('phoenix');
  kill(worker.pid);
  const again = await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'ready' && now.pid !== worker.pid && now;
    },
    { what: 'a new process of the killed worker' },
  );
  assert.deepEqual([again.restarts, again.kills], [1, 1]);
  assert.match(
    (await home.rbee(['worker', 'get', again.id])).stdout,
    /restarts +1 \(1 after it was killed from outside\)/,
  );
});

test('a crash loop ends as failed, with a diagnosis and the last log lines of the engine', async () => {
  // It lives just long enough to become ready each time.
  const worker = await spawned('looper', [
    '--exit-after',
    '150',
    '--exit-code',
    '9',
    '--die-with',
    'allocation failed: out of memory',
  ]);
  const failed = await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'failed' && now;
    },
    { deadlineMs: 120_000, what: 'the end of the crash loop' },
  );
  assert.equal(failed.failure.cause, 'out_of_memory');
  assert.match(failed.failure.message, /the engine ran out of memory/);
  assert.ok(failed.failure.log.some((line: string) => line.includes('allocation failed: out of memory')));
  assert.equal(failed.pid, null);
  await home.json(['queen', 'restart']);
  const after = await until(() => get(worker.id), { what: 'the worker after a restart of the queen' });
  assert.deepEqual([after.state, after.failure.cause], ['failed', 'out_of_memory']);
});

test('a worker that ignores SIGTERM is gone after delete, including its grandchildren', async () => {
  const before = home.processes();
  const worker = await spawned('deaf', ['--deaf', '--fork-child']);
  await until(() => home.processes().length >= before.length + 2, { what: 'the worker and its child' });
  await home.json(['worker', 'delete', worker.id]);
  assert.deepEqual(home.processes(), before);
  assert.ok(!(await list()).some((item: { id: string }) => item.id === worker.id));
});

test('an engine that exits before it is ready makes the spawn fail, and no worker is left', async () => {
  const before = (await list()).length;
  for (const flags of [
    ['--exit-before-ready', '--exit-code', '0'],
    ['--exit-before-ready', '--exit-code', '3', '--die-with', 'out of memory'],
  ]) {
    const run = await spawn('stillborn', flags, ['--json']);
    assert.equal(run.code, 1);
    assert.equal(failure(run.stdout).code, 'WORKER_FAILED');
  }
  assert.equal((await list()).length, before);
});

// The hint was "Look at the last lines of its log", but `worker logs` answered "there is no worker".
test('the log of a failed start can be read until its id is used again', async () => {
  const run = await spawn(
    'gone',
    ['--exit-before-ready', '--die-with', 'these are my last words'],
    ['--json', '--id', 'gone'],
  );
  assert.match(failure(run.stdout).hint, /its log: rbee worker logs gone\)/);
  const logs = await home.rbee(['worker', 'logs', 'gone']);
  assert.equal(logs.code, 0, logs.stderr);
  assert.match(logs.stdout, /^\[gone no longer exists: its start failed at 20.*\n/);
  assert.match(logs.stdout, /these are my last words/);
  assert.match((await home.rbee(['worker', 'logs', 'gone', '--follow'])).stdout, /these are my last words/);
  await spawned('gone', ['--ready-line', 'another life'], ['--id', 'gone']);
  const { lines } = await home.json(['worker', 'logs', 'gone']);
  assert.doesNotMatch(lines.join('\n'), /last words|no longer exists/);
  await home.json(['worker', 'delete', 'gone']);
  assert.equal((await home.rbee(['worker', 'logs', 'gone'])).code, 1);
});

test('an engine that listens but never becomes ready is given up and killed', async () => {
  const before = home.processes().length;
  const run = await spawn('never', ['--never-ready'], ['--json']);
  assert.equal(run.code, 1);
  assert.equal(failure(run.stdout).code, 'WORKER_FAILED');
  assert.match(failure(run.stdout).message, /no progress for 4 s/);
  assert.equal(home.processes().length, before);
});

test('an engine that loads past the deadline, but with progress, is waited for', async () => {
  const worker = await spawned('slow', ['--ready-after', '6000', '--load-lines', '20']);
  assert.equal(worker.state, 'ready');
});

test('the log contains what the engine prints, and --lines limits how much is shown', async () => {
  const worker = await spawned('talker', ['--ready-line', 'one line of mine']);
  const run = await home.rbee(['worker', 'logs', worker.id, '--lines', '500']);
  assert.equal(run.code, 0);
  assert.match(run.stdout, /one line of mine/);
  assert.equal((await home.rbee(['worker', 'logs', worker.id, '--lines', '1'])).stdout.trim().split('\n').length, 1);
});

test('a second worker of the same model shares its name, and another model cannot take that name', async () => {
  const first = await spawned('unique');
  const replica = await spawned('unique');
  assert.notEqual(replica.id, first.id);
  const model = resolve(import.meta.dirname, '../../plugins/worker-llamacpp/models/demo.gguf');
  const run = await spawn('unique', [], ['--model', `file:${model}`, '--json']);
  assert.equal(run.code, 1);
  const { code, message } = failure(run.stdout);
  assert.equal(code, 'NAME_CONFLICT');
  assert.match(message, new RegExp(`(${first.id}|${replica.id}) already serves fake under the name unique`));
});

const refusals: [string, string[], string, number][] = [
  ['an unknown type', ['worker', 'spawn', '--type', 'fkae'], 'TYPE_NOT_FOUND', 1],
  ['a missing device', ['worker', 'spawn', '--type', 'fake', '--device', 'cuda:0'], 'DEVICE_NOT_FOUND', 1],
  ['an invalid device', ['worker', 'spawn', '--type', 'fake', '--device', '../x'], 'DEVICE_INVALID', 2],
  ['an unknown variant', ['worker', 'spawn', '--type', 'fake', '--variant', 'rocm'], 'VARIANT_NOT_FOUND', 1],
  ['an unknown option', ['worker', 'spawn', '--type', 'fake', '--option', 'agrs=1'], 'OPTION_INVALID', 2],
  [
    'a missing model file',
    ['worker', 'spawn', '--type', 'fake', '--model', 'file:/no/such.gguf'],
    'MODEL_FILE_MISSING',
    1,
  ],
  [
    'an invalid model reference',
    ['worker', 'spawn', '--type', 'fake', '--model', 'nonsense'],
    'MODEL_REFERENCE_INVALID',
    2,
  ],
  ['an unknown worker', ['worker', 'get', 'fake-none'], 'WORKER_NOT_FOUND', 1],
  ['a worker id with a path', ['worker', 'stop', '../../etc'], 'INVALID_INPUT', 2],
  ['an unknown hive', ['hive', 'get', 'mars'], 'HIVE_NOT_FOUND', 1],
  ['an unknown job', ['job', 'get', 'nope'], 'JOB_NOT_FOUND', 1],
  ['an unknown flag', ['worker', 'spawn', '--tpye', 'fake'], 'USAGE', 2],
  ['a missing flag', ['worker', 'spawn'], 'USAGE', 2],
  ['an unknown command', ['wroker', 'list'], 'USAGE', 2],
];
for (const [what, args, code, exit] of refusals) {
  test(`${what} is refused clearly, and nothing changes`, async () => {
    const before = (await list()).map((worker: { id: string; state: string }) => [worker.id, worker.state]);
    const run = await home.rbee([...args, '--json']);
    assert.equal(run.code, exit, run.stdout + run.stderr);
    const error = failure(run.stdout);
    assert.equal(error.code, code);
    assert.ok(error.message.length > 0 && error.hint.length > 0);
    assert.doesNotMatch(run.stdout + run.stderr, /\bat .*\.(ts|js):\d+/, 'no stack trace');
    assert.deepEqual(
      (await list()).map((worker: { id: string; state: string }) => [worker.id, worker.state]),
      before,
    );
  });
}
