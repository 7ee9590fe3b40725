import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { localRunner } from '../system/local-runner.ts';
import type { Runner } from '../system/runner.ts';
import { findProcess } from './find-process.ts';
import type { ManagedProcessOptions } from './managed-process.ts';
import type { ProcessPlan, RunRecord } from './process-plan.ts';
import { eventually, isGone, killAfter, manageFake, tempFolder } from './testing.ts';

/** An owner that is then closed as if its hive was killed, its running process, and its record on disk. */
const abandoned = async (t: TestContext, flags: string[] = [], more: Partial<ManagedProcessOptions> = {}) => {
  const folder = await tempFolder(t);
  const first = await manageFake(t, flags, { folder, ...more });
  await first.managed.ensureReady();
  const pid = first.managed.view.pid ?? 0;
  await first.managed.close();
  const record = (await first.records.read('fake-1')) as RunRecord;
  assert.equal(record.pid, pid);
  return { folder, pid, record };
};

test('a living process is taken over, watched and stopped', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  const { managed, states } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), true);
  assert.deepEqual([managed.view.state, managed.view.pid, managed.view.port], ['ready', pid, record.port]);
  assert.equal(managed.view.readyAt, record.readyAt);
  await managed.ensureReady();
  assert.equal(managed.view.pid, pid, 'nothing was started');
  assert.equal(managed.callbackReady(record.readyToken), true);
  await managed.stop();
  assert.ok(await isGone(pid));
  assert.deepEqual(states, ['starting', 'ready', 'stopping', 'stopped']);
});

test('a sleeping process is taken over asleep, and wakes', async (t) => {
  const folder = await tempFolder(t);
  const rest = (plan: ProcessPlan): ProcessPlan => {
    const request = (path: string) => ({ method: 'POST', url: `http://127.0.0.1:${plan.port}${path}` }) as const;
    return { ...plan, rest: { sleep: request('/sleep'), wake: request('/wake') } };
  };
  const first = await manageFake(t, [], { folder, change: rest });
  await first.managed.ensureReady();
  await first.managed.sleep();
  const { pid } = first.managed.view;
  await first.managed.close();
  const { managed, states } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt((await first.records.read('fake-1')) as RunRecord), true);
  assert.deepEqual([managed.view.state, managed.view.pid], ['sleeping', pid]);
  await managed.wake();
  await managed.stop();
  assert.deepEqual(states, ['starting', 'sleeping', 'ready', 'stopping', 'stopped']);
});

test('an unrelated process with the recorded PID is neither taken over nor touched', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  killAfter(t).pids.add(pid);
  const stranger = { ...record, nonce: 'another', wanted: 'stopped' } as const;
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(stranger), false);
  assert.equal(managed.view.state, 'stopped');
  assert.equal(managed.view.pid, null);
  assert.ok(!(await isGone(pid)), 'it keeps running');
  const again = await manageFake(t, [], { folder });
  assert.equal(await again.managed.adopt(record), true);
});

test('a process that overwrote its environment is identified by its PID and start time', async (t) => {
  const { record } = await abandoned(t);
  const overwritten = { ...localRunner, environment: async () => ['VLLM::APIServer'] };
  assert.equal((await findProcess(overwritten, record, record.bootId))?.pid, record.pid);
  const hidden = { ...localRunner, environment: async () => null };
  assert.equal((await findProcess(hidden, record, record.bootId))?.pid, record.pid);
  const emptied = { ...localRunner, environment: async () => ['PATH=/bin'] };
  assert.equal(await findProcess(emptied, { ...record, nonce: 'another' }, record.bootId), null);
});

test('the end of an adopted process is noticed, and it is restarted', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  const { managed } = await manageFake(t, [], { folder });
  await managed.adopt(record);
  process.kill(pid, 'SIGKILL');
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
  assert.equal(managed.view.restarts, 1);
});

// Its end used to be noticed but never handled, so it was shown as loading forever.
test('a process taken over while loading that then ends is started again', async (t) => {
  const folder = await tempFolder(t);
  const first = await manageFake(t, ['--ready-after', '600000'], { folder });
  first.managed.ensureReady().catch(() => {});
  const pid = await eventually(() => first.managed.view.state === 'loading' && first.managed.view.pid);
  const record = await eventually(async () => {
    const there = await first.records.read('fake-1');
    return there?.pid === pid && there;
  });
  await first.managed.close();
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), true);
  assert.deepEqual([managed.view.state, managed.view.pid], ['loading', pid]);
  process.kill(pid, 'SIGKILL');
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
  assert.equal(managed.view.restarts, 1);
});

test('a process that died meanwhile is restarted without counting as a crash, and the rest of its group is killed', async (t) => {
  const { folder, pid, record } = await abandoned(t, ['--fork-child', '--deaf']);
  const child = Number(/child pid (\d+)/.exec(await readFile(join(folder, 'logs/fake-1.log'), 'utf8'))?.[1]);
  process.kill(pid, 'SIGKILL');
  await eventually(() => isGone(pid));
  assert.ok(!(await isGone(child)));
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), false);
  assert.ok(await isGone(child));
  await managed.ensureReady();
  // How it ended is unknown, and its log does not say.
  assert.deepEqual([managed.view.restarts, managed.view.kills, managed.record.crashes.length], [1, 1, 0]);
});

// The search used to cover only the group of the dead leader.
test('processes outside the group of a process that died meanwhile are killed', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { folder, pid, record } = await abandoned(t, ['--fork-away', '--deaf']);
  const log = join(folder, 'logs/fake-1.log');
  const left = await eventually(
    async () => Number(/away pid (\d+)/.exec(await readFile(log, 'utf8'))?.[1] ?? 0) || null,
  );
  killAfter(t).pids.add(left);
  process.kill(pid, 'SIGKILL');
  await eventually(() => isGone(pid));
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), false);
  assert.ok(await isGone(left));
  await managed.ensureReady();
});

test('of several processes with the nonce, the oldest is the process itself', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { folder, pid, record } = await abandoned(t, ['--fork-away']);
  await eventually(async () => (await readFile(join(folder, 'logs/fake-1.log'), 'utf8')).includes('away pid'));
  const { managed } = await manageFake(t, [], { folder });
  // /proc lists by PID, and a PID that comes later may be lower.
  const reversed = {
    ...localRunner,
    findByEnvironment: async (...args: [string, string]) => (await localRunner.findByEnvironment(...args)).reverse(),
  };
  const found = await findProcess(reversed, { ...record, pid: null, startTime: null }, record.bootId);
  assert.equal(found?.pid, pid);
  await managed.adopt(record);
  await managed.stop();
});

test('a process that died meanwhile and logged why counts as a crash', async (t) => {
  const { folder, pid, record } = await abandoned(t, ['--die-with', 'std::bad_alloc']);
  process.kill(pid, 'SIGUSR2');
  await eventually(() => isGone(pid));
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), false);
  await managed.ensureReady();
  await eventually(() => managed.record.crashes.length === 1);
  assert.deepEqual([managed.view.restarts, managed.view.kills], [1, 0]);
});

test('a process that died meanwhile fails for good when it must not be restarted', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  process.kill(pid, 'SIGKILL');
  await eventually(() => isGone(pid));
  const { managed } = await manageFake(t, [], { folder, policy: 'never' });
  assert.equal(await managed.adopt(record), false);
  assert.equal(managed.view.state, 'failed');
});

test('a process that was to be stopped is stopped for good', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  const living = await manageFake(t, [], { folder });
  assert.equal(await living.managed.adopt({ ...record, wanted: 'stopped' }), false);
  assert.equal(living.managed.view.state, 'stopped');
  assert.ok(await isGone(pid));
  const dead = await manageFake(t, [], { folder });
  assert.equal(await dead.managed.adopt({ ...record, wanted: 'stopped' }), false);
  assert.equal(dead.managed.view.state, 'stopped');
  const never = await manageFake(t, [], { folder });
  assert.equal(await never.managed.adopt({ ...record, wanted: 'stopped', pid: null }), false);
  assert.equal(never.managed.view.state, 'stopped');
});

// It used to disappear from the list of its hive while its engine kept running.
test('a process that cannot be taken over counts as failed, and its leftovers end before a start or deletion', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  let broken = true;
  const runner: Runner = {
    ...localRunner,
    identity: async (asked) => {
      if (broken) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      return await localRunner.identity(asked);
    },
  };
  const { managed, records } = await manageFake(t, [], { folder, runner });
  await assert.rejects(managed.adopt(record), /too many open files/);
  assert.deepEqual([managed.view.state, managed.view.failure?.message], ['failed', 'too many open files']);
  assert.ok(!(await isGone(pid)));
  broken = false;
  await managed.delete();
  assert.ok(await isGone(pid));
  assert.equal(await records.read('fake-1'), null);
});

test('a process that failed for good stays failed, with its failure', async (t) => {
  const failing = await manageFake(t, ['--exit-before-ready']);
  await assert.rejects(failing.managed.ensureReady());
  await failing.managed.close();
  const record = (await failing.records.read('fake-1')) as RunRecord;
  const { managed } = await manageFake(t, [], { folder: failing.folder });
  assert.equal(await managed.adopt(record), false);
  assert.equal(managed.view.state, 'failed');
  assert.equal(managed.view.failure?.exitCode, 1);
  await managed.ensureReady();
  assert.equal(managed.view.state, 'ready');
});

test('a process spawned but not yet recorded is found by its nonce', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { folder, pid, record } = await abandoned(t, ['--fork-child']);
  const { managed } = await manageFake(t, [], { folder });
  const intent = { ...record, pid: null, startTime: null, spawnedAt: null, readyAt: null };
  assert.equal(await managed.adopt(intent), true);
  await managed.ensureReady();
  assert.deepEqual([managed.view.state, managed.view.pid], ['ready', pid]);
  await managed.stop();
});

test('a recorded start without a process is carried out, and is not a crash', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  process.kill(-pid, 'SIGKILL');
  await eventually(() => isGone(pid));
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt({ ...record, pid: null, startTime: null }), false);
  await managed.ensureReady();
  assert.equal(managed.view.restarts, 0);
});

test('after a reboot a process is started again, whatever has its PID now, and that is not a crash', async (t) => {
  const { folder, pid, record } = await abandoned(t);
  const { managed } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt({ ...record, bootId: 'an earlier boot' }), false);
  await managed.ensureReady();
  assert.notEqual(managed.view.pid, pid);
  assert.equal(managed.view.restarts, 0);
  assert.ok(!(await isGone(pid)), 'it is now an unrelated process');
  await localRunner.signal({ group: pid }, 'SIGKILL');
});

test('adoption waits for a process that is still loading', async (t) => {
  const folder = await tempFolder(t);
  const first = await manageFake(t, ['--ready-after', '700', '--load-lines', '30'], { folder });
  const start = assert.rejects(first.managed.ensureReady(), { code: 'CANCELLED' });
  const pid = await eventually(() => first.managed.view.state === 'loading' && first.managed.view.pid);
  await first.managed.close();
  await start;
  assert.ok(!(await isGone(pid)), 'a close leaves it running');
  const record = (await first.records.read('fake-1')) as RunRecord;
  const { managed, states } = await manageFake(t, [], { folder });
  assert.equal(await managed.adopt(record), true);
  await managed.ensureReady();
  assert.equal(managed.view.pid, pid);
  assert.deepEqual(states, ['starting', 'loading', 'ready']);
  await managed.stop();
});
