import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Narrate } from '../../contract/api/narration.ts';
import { environmentOf, eventually, isGone, killAfter, tempFolder, undoAfter } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import { daemonVariable } from '../system/marks.ts';
import { Daemon, type DaemonSpec } from './daemon.ts';
import { daemonProgram } from './testing-daemon.ts';

const setUp = async (t: TestContext, ...flags: string[]) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'daemon.mjs'), daemonProgram);
  const { pids } = killAfter(t);
  const state = { flags };
  const makeSpec = (): DaemonSpec => ({
    name: 'queen',
    version: '1',
    argv: [process.execPath, join(folder, 'daemon.mjs'), join(folder, 'd.sock'), ...state.flags],
    env: { MARK: 'm' },
    cwd: folder,
    pidFile: join(folder, 'queen.pid'),
    healthUrl: 'http://queen/health',
    socketPath: join(folder, 'd.sock'),
    logFile: join(folder, 'logs', 'queen.log'),
    stopGraceMs: 300,
    readyTimeoutMs: 15_000,
  });
  const env = { PATH: process.env['PATH'], SECRET: 's' };
  const daemon = new Daemon({ spec: makeSpec, runner: localRunner, env });
  const pidFile = join(folder, 'queen.pid');
  undoAfter(t, async () => {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
    if (pid > 1) pids.add(pid);
  });
  /** Starts it manually, as a foreground run does. */
  const byHand = async (...more: string[]) => {
    const { argv } = makeSpec();
    const env = { ...process.env, [daemonVariable]: pidFile };
    const options = { detached: true, stdio: 'ignore', env, cwd: folder } as const;
    const child = spawn(argv[0] ?? '', [...argv.slice(1), ...more], options);
    if (child.pid) pids.add(child.pid);
    await once(child, 'spawn');
    return child;
  };
  return { folder, daemon, pidFile, pids, state, makeSpec, byHand };
};

test('a daemon is started once, found running, and stopped', async (t) => {
  const { daemon, pidFile, folder } = await setUp(t);
  assert.deepEqual(await daemon.status(), { status: 'stopped' });
  const said: string[] = [];
  const { pid, started } = await daemon.ensureRunning({
    narrate: (event) => void ('text' in event && said.push(String(event.text))),
  });
  assert.equal(started, true);
  assert.deepEqual(said, ['starting queen', `queen is running (pid ${pid})`]);
  assert.equal(await readFile(pidFile, 'utf8'), `${pid}\n`);
  assert.deepEqual(await daemon.status(), { status: 'running', pid });
  assert.deepEqual(await daemon.ensureRunning(), { pid, started: false });
  assert.deepEqual(await daemon.spawn(), { pid, started: false });
  assert.deepEqual(await daemon.waitReady(), { pid });
  if (process.platform === 'linux') {
    assert.deepEqual(await environmentOf(pid), ['MARK', 'PATH', 'RBEE_PID_FILE']);
  }
  assert.equal(await daemon.stop(), true);
  assert.ok(await isGone(pid));
  assert.deepEqual(await daemon.status(), { status: 'stopped' });
  assert.equal(await daemon.stop(), false);
  assert.equal(await daemon.kill(), false);
  assert.match(await readFile(join(folder, 'logs', 'queen.log'), 'utf8'), /starting/);
});

test('several concurrent processes start one daemon', async (t) => {
  const { daemon, folder, makeSpec, pids } = await setUp(t);
  const script = join(folder, 'ask.ts');
  await writeFile(
    script,
    `import { Daemon } from ${JSON.stringify(join(import.meta.dirname, 'daemon.ts'))};
     import { localRunner } from ${JSON.stringify(join(import.meta.dirname, '../system/local-runner.ts'))};
     const daemon = new Daemon({ spec: () => (${JSON.stringify(makeSpec())}), runner: localRunner, env: process.env });
     console.log(JSON.stringify(await daemon.ensureRunning()));`,
  );
  const asking = Array.from({ length: 3 }, async () => {
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    return JSON.parse(text) as { pid: number; started: boolean };
  });
  const answers = await Promise.all(asking);
  for (const { pid } of answers) pids.add(pid);
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
  assert.equal(answers.filter(({ started }) => started).length, 1);
  assert.equal((await readFile(join(folder, 'logs', 'queen.log'), 'utf8')).match(/starting/g)?.length, 1);
  await daemon.stop();
});

test('a daemon that ignores SIGTERM is killed after its grace period', async (t) => {
  const { daemon } = await setUp(t, 'deaf');
  const { pid } = await daemon.ensureRunning();
  await daemon.stop();
  assert.ok(await isGone(pid));
  const again = await daemon.ensureRunning();
  await daemon.kill();
  assert.ok(await isGone(again.pid));
});

test('a restart uses the current configuration', async (t) => {
  const { daemon, state } = await setUp(t);
  const before = await daemon.ensureRunning();
  state.flags = ['new-flag'];
  const { pid, started } = await daemon.restart();
  assert.ok(started && pid !== before.pid && (await isGone(before.pid)));
  assert.ok((await localRunner.describe(pid))?.argv.includes('new-flag'));
  await daemon.stop();
});

test('a daemon that exits at once is reported with its last output', async (t) => {
  const { daemon } = await setUp(t, 'exit');
  await assert.rejects(daemon.ensureRunning(), {
    code: 'START_FAILED',
    message: 'queen did not start: it ended with exit code 5',
    lines: ['starting', 'port is taken'],
  });
  assert.deepEqual(await daemon.status(), { status: 'stopped' });
});

test('a missing program is reported', async (t) => {
  const { makeSpec, folder } = await setUp(t);
  const missing = new Daemon({
    spec: () => ({ ...makeSpec(), argv: [join(folder, 'gone')] }),
    runner: localRunner,
    env: {},
  });
  await assert.rejects(missing.ensureRunning(), { code: 'START_FAILED', message: /program .*gone not found/ });
  const unwritable = new Daemon({
    spec: () => ({ ...makeSpec(), logFile: '/dev/null/a.log' }),
    runner: localRunner,
    env: {},
  });
  await assert.rejects(unwritable.ensureRunning(), { code: 'STATE_UNWRITABLE' });
});

test('a daemon that never answers is abandoned after a timeout, and can still be stopped', async (t) => {
  const { makeSpec } = await setUp(t, 'silent');
  const daemon = new Daemon({ spec: () => ({ ...makeSpec(), readyTimeoutMs: 1_500 }), runner: localRunner, env: {} });
  await assert.rejects(daemon.ensureRunning(), { code: 'TIMEOUT', lines: ['starting'] });
  const status = await daemon.status();
  assert.equal(status.status, 'failed');
  assert.match(status.status === 'failed' ? status.reason : '', /does not answer: ENOENT/);
  const stop = new AbortController();
  const again = daemon.ensureRunning({ signal: stop.signal });
  await assert.rejects(again, { code: 'TIMEOUT' }, 'it is waited for, not started twice');
  assert.equal(await daemon.stop(), true);
  const cancelled = daemon.ensureRunning({ signal: stop.signal });
  setTimeout(() => stop.abort(), 100);
  await assert.rejects(cancelled, { code: 'CANCELLED' });
  await daemon.kill();
});

test('a failing health check, or that of another program, is not a running daemon', async (t) => {
  const sick = await setUp(t, 'sick');
  await sick.daemon.spawn();
  await eventually(async () => {
    const status = await sick.daemon.status();
    return status.status === 'failed' && status.reason.includes('answers 500');
  });
  await sick.daemon.stop();
  for (const [flag, problem] of [
    ['other', 'is answered by other'],
    ['rude', 'not a daemon of rbee'],
  ] as const) {
    const { daemon } = await setUp(t, flag);
    await assert.rejects(daemon.ensureRunning(), { code: 'START_FAILED', message: new RegExp(problem) });
    await daemon.stop();
  }
});

test('a PID file whose process is gone is stale, and is removed', async (t) => {
  const { daemon, pidFile } = await setUp(t);
  const { pid } = await daemon.ensureRunning();
  await localRunner.signal({ pid }, 'SIGKILL');
  await eventually(() => isGone(pid));
  assert.deepEqual(await daemon.status(), { status: 'stale', pid });
  assert.equal(await daemon.stop(), false);
  assert.equal(await daemon.cleanStale(), false);
  await writeFile(pidFile, `${pid}`);
  assert.equal(await daemon.cleanStale(), true);
  await writeFile(pidFile, `${pid}`);
  assert.equal((await daemon.ensureRunning()).started, true);
  await daemon.stop();
});

test('another process that reuses the PID is never signalled', async (t) => {
  const { daemon, pidFile, pids } = await setUp(t);
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  pids.add(stranger.pid ?? 0);
  await writeFile(pidFile, `${stranger.pid}\n`);
  // Written long before that process was started.
  await utimes(pidFile, new Date(0), new Date(0));
  assert.deepEqual(await daemon.status(), { status: 'stale', pid: stranger.pid });
  assert.equal(await daemon.stop(), false);
  await writeFile(pidFile, `${stranger.pid}\n`);
  await utimes(pidFile, new Date(0), new Date(0));
  assert.equal(await daemon.kill(), false);
  assert.equal((await daemon.ensureRunning()).started, true);
  assert.ok(!(await isGone(stranger.pid ?? 0)));
  await daemon.stop();
});

/** A PID file after a power failure or a manual edit. */
const garbage = ['', 'abc', '-1', '1', '99999999999', '12 13', '\0\0\0\0'];

// Every command used to fail until the file was removed manually, although nothing held the lock.
test('a garbled PID file names no process: a stop does nothing, and a start replaces it with a warning', async (t) => {
  const { daemon, pidFile } = await setUp(t);
  for (const text of garbage) {
    await writeFile(pidFile, text);
    assert.deepEqual(await daemon.status(), { status: 'stopped' }, text);
    assert.equal(await daemon.stop(), false);
    await assert.rejects(readFile(pidFile), { code: 'ENOENT' });
  }
  const said: string[] = [];
  const narrate: Narrate = (event) => void (event.kind === 'warning' && said.push(event.text));
  await writeFile(pidFile, '');
  const { pid, started } = await daemon.ensureRunning({ narrate });
  assert.deepEqual([started, said], [true, [`${pidFile} held no process id; it is replaced`]]);
  assert.equal(await readFile(pidFile, 'utf8'), `${pid}\n`);
  await writeFile(pidFile, 'torn');
  assert.deepEqual(await daemon.spawn({ narrate }), { pid, started: false });
  await writeFile(pidFile, 'torn');
  assert.equal(await daemon.stop({ narrate }), true);
  await assert.rejects(readFile(pidFile), { code: 'ENOENT' });
  assert.equal(said.length, 3);
});

test('a daemon that does not answer is found although its PID file is garbage or lost', async (t) => {
  const { daemon, pidFile, pids } = await setUp(t, 'silent');
  for (const spoil of [() => writeFile(pidFile, '\0\0'), () => rm(pidFile)]) {
    const { pid } = await daemon.spawn();
    pids.add(pid);
    await spoil();
    const status = await daemon.status();
    // Read-only commands do not search for a daemon whose file is lost.
    if (status.status !== 'stopped') assert.match(JSON.stringify(status), new RegExp(`it runs \\(pid ${pid}\\)`));
    assert.equal(await daemon.stop(), true);
    assert.ok(await isGone(pid));
  }
});

test('a PID file that is not a file is reported', async (t) => {
  const { daemon, pidFile } = await setUp(t);
  // Unreadable, even for root.
  await mkdir(pidFile);
  await assert.rejects(daemon.status(), { code: 'PID_FILE_INVALID' });
});

// A hive that had just been killed was still in the process table, and the start waited for it.
test('a daemon that was just killed is started again at once', async (t) => {
  const { daemon } = await setUp(t);
  for (let round = 0; round < 5; round += 1) {
    const { pid } = await daemon.ensureRunning();
    process.kill(pid, 'SIGKILL');
    const again = await daemon.ensureRunning();
    assert.notEqual(again.pid, pid);
  }
  await daemon.stop();
});

test('a manually started daemon is found, adopted and stopped', async (t) => {
  const { daemon, pidFile, byHand } = await setUp(t);
  assert.equal(await daemon.adopt(), null);
  const child = await byHand();
  await eventually(async () => (await daemon.status()).status === 'running');
  await writeFile(pidFile, 'garbage');
  assert.deepEqual(await daemon.status(), { status: 'running', pid: child.pid });
  assert.equal(await daemon.adopt(), child.pid);
  assert.equal(await readFile(pidFile, 'utf8'), `${child.pid}\n`);
  assert.equal(await daemon.adopt(), child.pid);
  const exit = once(child, 'exit');
  assert.equal(await daemon.stop(), true);
  await exit;
});

test('a PID that is only known from TCP is not signalled', async (t) => {
  const { makeSpec } = await setUp(t);
  const spec = { ...makeSpec(), socketPath: undefined };
  const body = JSON.stringify({
    status: 'ok',
    name: 'queen',
    version: '1',
    pid: process.ppid,
    instance: 'i',
    startedAt: '',
  });
  const runner = { ...localRunner, request: async () => ({ status: 200, body }) };
  const daemon = new Daemon({ spec: () => spec, runner, env: {} });
  assert.deepEqual(await daemon.status(), { status: 'running', pid: process.ppid });
  await assert.rejects(daemon.kill(), { code: 'PROCESS_NOT_FOUND' });
});

test('if another one was started elsewhere first, it is the daemon', async (t) => {
  const { daemon, byHand, state, pidFile } = await setUp(t);
  // Ours finds the lock taken and exits shortly before the other one answers.
  state.flags = ['exit'];
  const starting = daemon.ensureRunning();
  state.flags = [];
  const child = await byHand();
  assert.deepEqual(await starting, { pid: child.pid, started: false });
  // On a busy machine the other one may answer before ours is started; then there is no file.
  const written = await readFile(pidFile, 'utf8').catch(() => null);
  assert.ok(written === null || written === `${child.pid}\n`, `${written}`);
});

// On a busy machine, the other one held the lock without answering for half a second, and the start counted as failed.
test('if another one was started elsewhere and is still starting, the start waits for it', {
  skip: process.platform !== 'linux' && 'processes are found by their environment on Linux only',
}, async (t) => {
  const { daemon, byHand, folder } = await setUp(t, 'alone');
  const child = await byHand('waits');
  await eventually(() => existsSync(join(folder, 'd.sock.owned')));
  const starting = daemon.ensureRunning();
  const log = () => readFile(join(folder, 'logs', 'queen.log'), 'utf8').catch(() => '');
  await eventually(async () => (await log()).includes('another one owns it'));
  // Longer than the old limit.
  await delay(700);
  child.kill('SIGUSR1');
  assert.deepEqual(await starting, { pid: child.pid, started: false });
});
