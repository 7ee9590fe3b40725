/** Damage around rbee: hung daemons, damaged files, queens that stop in the middle of something. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { createHome, killAndWait, type TestHome } from '../harness/home.ts';
import { atFullScale, sampleOf, until } from '../harness/until.ts';

const homes: TestHome[] = [];
const home = (queen = ''): TestHome => {
  const made = createHome({ queen });
  homes.push(made);
  return made;
};
afterEach(async () => {
  for (const made of homes.splice(0)) await made.close();
});

const pidIn = (file: string): number => Number(readFileSync(file, 'utf8'));
const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const spawnFake = (name: string, flags: readonly string[] = []) => [
  ...['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', name, '--id', name],
  ...['--option', `args=${JSON.stringify(flags)}`],
];
const list = async (at: TestHome) => (await at.json(['worker', 'list'])).workers;

// A time-out error has a numeric code, which was mistaken for the PID that answered.
test('a hung queen is stopped by its own PID, and no other process is touched', {
  skip: atFullScale,
}, async () => {
  const at = home();
  await at.json(['queen', 'start']);
  const pid = pidIn(at.paths.queenPid);
  process.kill(pid, 'SIGSTOP');
  const run = await at.rbee(['queen', 'stop']);
  assert.equal(run.code, 0, run.stderr);
  await until(() => !at.processes().includes(pid));
  assert.deepEqual(at.processes(), []);
});

test('a queen stopped while a worker loads cleans up what it began', async () => {
  const at = home();
  await at.json(['queen', 'start']);
  const child = at.start(spawnFake('loading', ['--ready-after', '60000', '--load-lines', '1000', '--fork-child']));
  await until(async () => (await list(at)).some((worker: { pid: number | null }) => worker.pid !== null));
  const run = await at.rbee(['queen', 'stop']);
  assert.equal(run.code, 0, run.stderr);
  await new Promise((resolve) => (child.exitCode === null ? child.once('close', resolve) : resolve(null)));
  await until(() => at.processes().length === 0, { what: 'the end of all processes' });
  assert.deepEqual(readdirSync(at.paths.runs), []);
});

test('a stale PID file that names a worker does not end the worker', async () => {
  const at = home();
  const worker = JSON.parse((await at.rbee([...spawnFake('innocent'), '--json'])).stdout);
  await killAndWait(pidIn(at.paths.queenPid));
  writeFileSync(at.paths.queenPid, `${worker.pid}\n`);
  await at.rbee(['queen', 'stop']);
  assert.ok(existsSync(`/proc/${worker.pid}`));
  assert.equal((await list(at))[0].pid, worker.pid);
});

// Every command failed until the file was removed by hand.
test('PID files that a power cut emptied or truncated are replaced, and commands keep working', async () => {
  const at = home('mode = "standalone"');
  await at.rbee(spawnFake('kept'));
  for (const text of sampleOf(['\0\0\0\0', ''])) {
    const pids = [at.paths.queenPid, at.paths.hivePid];
    for (const file of pids) await killAndWait(pidIn(file));
    for (const file of pids) writeFileSync(file, text);
    assert.equal((await at.json(['queen', 'status'])).status, 'stopped');
    assert.equal((await at.rbee(['doctor'])).code, 0);
    const run = await at.rbee(['queen', 'start']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /queen\.pid held no process id; it is replaced/);
    const [worker] = await until(async () => {
      const workers = await list(at);
      return workers[0]?.state === 'ready' && workers;
    });
    assert.equal(worker.id, 'kept');
    for (const file of pids) assert.ok(pidIn(file) > 1);
  }
  for (const file of [at.paths.queenPid, at.paths.hivePid]) writeFileSync(file, 'torn');
  assert.equal((await at.rbee(['hive', 'stop', 'local'])).code, 0);
  assert.equal((await at.rbee(['queen', 'stop'])).code, 0);
  assert.ok(!existsSync(at.paths.queenPid) && !existsSync(at.paths.hivePid));
});

test('damaged run records and a damaged plugin index affect nothing else', async () => {
  const at = home();
  const worker = JSON.parse((await at.rbee([...spawnFake('kept'), '--json'])).stdout);
  await at.json(['queen', 'stop']);
  const record = JSON.parse(readFileSync(join(at.paths.runs, 'kept.json'), 'utf8'));
  mkdirSync(join(at.paths.runs, 'folder.json'));
  writeFileSync(join(at.paths.runs, 'bad name!.json'), '{}');
  writeFileSync(join(at.paths.runs, '..json'), '{}');
  writeFileSync(join(at.paths.runs, 'garbage.json'), '{{');
  const strange = { ...record, id: 'strange', pid: null, nonce: 'x', data: { spec: 5, draft: [] } };
  writeFileSync(join(at.paths.runs, 'strange.json'), JSON.stringify(strange));
  writeFileSync(join(at.paths.data, 'package.json'), '{{');
  const workers = await list(at);
  assert.deepEqual(
    workers.map((item: { id: string; pid: number }) => [item.id, item.pid]),
    [['kept', worker.pid]],
  );
  const run = await at.rbee([...spawnFake('other'), '--json']);
  assert.equal(JSON.parse(run.stdout).error.code, 'INDEX_INVALID');
  assert.equal((await at.rbee(['worker', 'stop', 'kept'])).code, 0);
});

for (const mode of sampleOf(['standalone', 'attached-hive'])) {
  test(`daemons whose state folder is removed (${mode}) are replaced, and the worker is kept`, async () => {
    const at = home(`mode = "${mode}"`);
    const worker = JSON.parse((await at.rbee([...spawnFake('kept'), '--json'])).stdout);
    const daemons = at.processes().filter((pid) => pid !== worker.pid && parentOf(pid) !== worker.pid);
    rmSync(at.paths.state, { recursive: true });
    await until(() => !at.processes().some((pid) => daemons.includes(pid)), { what: 'the end of the old daemons' });
    const [found, ...more] = await list(at);
    assert.deepEqual([found.id, found.pid, found.state, more.length], ['kept', worker.pid, 'ready', 0]);
    await at.json(['worker', 'delete', 'kept', '--now']);
    assert.ok(!at.processes().includes(worker.pid));
  });
}

test('a damaged or foreign jobs database is set aside', async () => {
  const at = home();
  await at.json(['queen', 'start']);
  await at.json(['queen', 'stop']);
  for (const bytes of sampleOf(['garbage that is no database', ''])) {
    for (const end of ['-wal', '-shm'])
      if (existsSync(at.paths.queenDb + end)) writeFileSync(at.paths.queenDb + end, '');
    writeFileSync(at.paths.queenDb, bytes);
    writeFileSync(join(at.paths.state, 'queen.lock'), bytes);
    await at.json(['queen', 'start']);
    assert.deepEqual((await at.json(['job', 'list'])).jobs, []);
    await at.json(['queen', 'stop']);
  }
});

test('a hive that is out of file descriptors ends no worker', { skip: atFullScale }, async () => {
  const at = home();
  const worker = JSON.parse((await at.rbee([...spawnFake('steady'), '--json'])).stdout);
  // Adopted, so the hive watches it by polling.
  await at.json(['queen', 'restart']);
  const { url, pid } = await at.json(['queen', 'status']);
  const { prlimit } = await import('../harness/prlimit.ts');
  await prlimit(pid, 'nofile', 40);
  const { connect } = await import('node:net');
  const sockets = Array.from({ length: 40 }, () =>
    connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}),
  );
  await until(() => sockets.some((socket) => socket.readyState === 'open'));
  // The hive polls the worker several times while no file can be opened.
  const looks = performance.now() + 1_500;
  await until(() => performance.now() > looks);
  for (const socket of sockets) socket.destroy();
  await prlimit(pid, 'nofile', 4096);
  const after = await until(
    async () =>
      (await at.rbee(['worker', 'get', 'steady', '--json'])).code === 0 && at.json(['worker', 'get', 'steady']),
  );
  assert.equal(after.pid, worker.pid);
  assert.equal(after.state, 'ready');
});

test('a named pipe given as a model is refused, and nothing hangs', async () => {
  const at = home();
  const { execFileSync } = await import('node:child_process');
  const pipe = join(at.folder, 'pipe.gguf');
  execFileSync('mkfifo', [pipe]);
  const runs = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => at.rbee([...spawnFake(`pipe-${n}`), '--model', pipe, '--json'])),
  );
  for (const run of runs) assert.equal(JSON.parse(run.stdout).error.code, 'MODEL_FILE_UNREADABLE');
});

test('a deleted worker leaves no log behind', async () => {
  const at = home();
  const worker = JSON.parse((await at.rbee([...spawnFake('gone'), '--json'])).stdout);
  assert.ok(statSync(worker.logFile).size >= 0);
  await at.json(['worker', 'delete', 'gone']);
  assert.deepEqual(
    readdirSync(at.paths.logs).filter((name) => name.includes('gone')),
    [],
  );
});

test('a hive that is down is mentioned where its workers would be listed', async () => {
  const at = home('mode = "standalone"');
  await at.rbee(spawnFake('unseen'));
  await at.json(['hive', 'stop', 'local']);
  const run = await at.rbee(['worker', 'list']);
  assert.equal(run.code, 0);
  assert.match(run.stdout, /hive local is stopped .*: its workers may still be running/);
  await at.json(['hive', 'start', 'local']);
  assert.equal((await list(at))[0].state, 'ready');
});

test('a job does not need an idempotency key', async () => {
  const at = home();
  await at.json(['queen', 'start']);
  const { request } = await import('node:http');
  const answer = await new Promise<number>((resolve, reject) => {
    const call = request(
      {
        socketPath: at.paths.queenSocket,
        path: '/v1/jobs',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on('error', reject);
    call.end('{"operation":"status"}');
  });
  assert.equal(answer, 202);
});
