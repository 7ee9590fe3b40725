/** Jobs as users meet them: Ctrl-C, --detach, attach, a lost terminal, two commands at once. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createHome, killAndWait, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

let home: TestHome;
before(() => {
  home = createHome();
});
after(() => home.close());

const slow = (name: string, ms: number): string[] => {
  const flags = JSON.stringify(['--ready-after', String(ms), '--load-lines', '1000']);
  return ['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', name, '--option', `args=${flags}`];
};
const list = async () => (await home.json(['worker', 'list'])).workers;
const jobs = async () => (await home.json(['job', 'list'])).jobs;
const named = async (name: string) => (await list()).find((worker: { model: string }) => worker.model === name);
const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );

test('simultaneous commands start only one queen', async () => {
  const runs = await Promise.all([1, 2, 3, 4].map(() => home.rbee(['worker', 'list', '--json'])));
  assert.deepEqual(
    runs.map((run) => run.code),
    [0, 0, 0, 0],
    runs.map((run) => run.stderr).join(),
  );
  const statuses = await Promise.all([1, 2].map(() => home.json(['queen', 'status'])));
  assert.equal(statuses[0].pid, statuses[1].pid);
  assert.deepEqual(home.processes(), [statuses[0].pid]);
});

test('starting a running queen says so and changes nothing', async () => {
  const before = await home.json(['queen', 'status']);
  const run = await home.rbee(['queen', 'start']);
  assert.equal(run.code, 0);
  assert.match(run.stdout + run.stderr, /already running|is running/);
  assert.equal((await home.json(['queen', 'status'])).pid, before.pid);
});

test('Ctrl-C cancels the job, ends with 130 and leaves no worker', async () => {
  const child = home.start(slow('interrupted', 60_000));
  await until(() => named('interrupted'), { what: 'the loading worker' });
  child.kill('SIGINT');
  assert.deepEqual(await ended(child), { code: 130, signal: null });
  await until(async () => (await named('interrupted')) === undefined);
  const [job] = await jobs();
  assert.equal(job.operation, 'worker_spawn');
  assert.equal(job.state, 'cancelled');
});

test('losing the terminal cancels nothing', async () => {
  const child = home.start(slow('hangup', 1_500));
  await until(() => named('hangup'));
  child.kill('SIGHUP');
  await ended(child);
  await until(async () => (await named('hangup'))?.state === 'ready');
});

test('a killed command cancels nothing, and attach resumes its job', async () => {
  const child = home.start(slow('orphan', 2_000));
  await until(() => named('orphan'));
  child.kill('SIGKILL');
  const job = (await jobs()).find((item: { state: string }) => item.state === 'running');
  const run = await home.rbee(['job', 'attach', job.id, '--json']);
  assert.equal(run.code, 0, run.stderr);
  assert.equal((await named('orphan')).state, 'ready');
});

test('--detach prints the job and leaves it running', async () => {
  const run = await home.rbee([...slow('detached', 1_000), '--detach', '--json']);
  assert.equal(run.code, 0, run.stderr);
  const { job_id: id } = JSON.parse(run.stdout);
  const job = await home.json(['job', 'get', id]);
  assert.equal(job.id, id);
  const attached = await home.rbee(['job', 'attach', id]);
  assert.equal(attached.code, 0, attached.stderr);
  assert.equal((await home.json(['job', 'get', id])).state, 'succeeded');
});

test('job cancel ends a job and its worker', async () => {
  const { job_id: id } = JSON.parse((await home.rbee([...slow('cancelled', 60_000), '--detach', '--json'])).stdout);
  await until(() => named('cancelled'));
  const run = await home.rbee(['job', 'cancel', id]);
  assert.equal(run.code, 0, run.stderr);
  await until(async () => (await home.json(['job', 'get', id])).state === 'cancelled');
  await until(async () => (await named('cancelled')) === undefined);
});

test('jobs that were running when the queen was killed are shown as failed with it', async () => {
  const { job_id: id } = JSON.parse((await home.rbee([...slow('cut', 60_000), '--detach', '--json'])).stdout);
  await until(() => named('cut'));
  await killAndWait((await home.json(['queen', 'status'])).pid);
  const job = await home.json(['job', 'get', id]);
  assert.equal(job.state, 'failed');
  assert.equal(job.error.code, 'QUEEN_RESTARTED');
});

test('a command whose queen is killed meanwhile says so, and what to do next', async () => {
  const running = home.rbee(slow('torn', 60_000));
  await until(() => named('torn'));
  const { pid } = await home.json(['queen', 'status']);
  process.kill(pid, 'SIGKILL');
  const run = await running;
  assert.equal(run.code, 1);
  assert.match(run.stderr, /error: the queen stopped in the middle of spawn of /);
  assert.match(
    run.stderr,
    /may be running: look at rbee worker list before you run the command again; to see how the job ended: rbee job get /,
  );
});

test('--no-start refuses to start a queen', async () => {
  await home.rbee(['queen', 'stop']);
  const run = await home.rbee(['worker', 'list', '--no-start', '--json']);
  assert.equal(run.code, 1);
  assert.equal(JSON.parse(run.stdout).error.code, 'QUEEN_NOT_RUNNING');
  assert.equal((await home.json(['queen', 'status'])).status, 'stopped');
});
