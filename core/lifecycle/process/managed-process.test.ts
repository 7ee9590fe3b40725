import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { Confiner } from '../limits/limits.ts';
import { localRunner } from '../system/local-runner.ts';
import type { Runner } from '../system/runner.ts';
import { watchLiveness } from './liveness.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ProcessPlan } from './process-plan.ts';
import { environmentOf, eventually, isGone, killAfter, manageFake } from './testing.ts';

const serve = async (t: TestContext, port: number): Promise<Server> => {
  const server = createServer((_, outgoing) => void outgoing.end('stranger')).listen(port, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return server;
};

/** Makes a ready fake engine end at once, with its exit code. */
const crash = ({ view: { state, pid } }: ManagedProcess): void => {
  if (state === 'ready' && pid !== null) process.kill(pid, 'SIGUSR2');
};

test('a process becomes ready, answers, and is stopped', async (t) => {
  const { managed, states, records, freed, narrated } = await manageFake(t, [
    '--load-lines',
    '4',
    '--ready-after',
    '400',
  ]);
  const progress: (number | null)[] = [];
  assert.equal(managed.view.state, 'stopped');
  await managed.ensureReady({
    narrate: (event) => {
      if (event.kind === 'progress') progress.push(event.done);
    },
  });
  const { view } = managed;
  assert.equal(view.state, 'ready');
  assert.ok(view.pid && view.port && view.startedAt && view.readyAt);
  assert.equal((await fetch(`http://127.0.0.1:${view.port}/v1/models`)).status, 200);
  assert.ok(progress.includes(50), String(progress));
  assert.match(narrated.join('\n'), /loading \(pid \d+\)[\s\S]*ready/);
  const record = await eventually(async () => {
    const there = await records.read('fake-1');
    return there?.readyAt ? there : null;
  });
  assert.equal(record.pid, view.pid);
  assert.equal(record.wanted, 'running');
  await managed.stop();
  assert.deepEqual(states, ['starting', 'loading', 'ready', 'stopping', 'stopped']);
  assert.ok(await isGone(view.pid));
  assert.deepEqual(freed, [view.port]);
  assert.deepEqual(managed.view, { ...view, state: 'stopped', pid: null, port: null, startedAt: null, readyAt: null });
  assert.equal((await records.read('fake-1'))?.wanted, 'stopped');
  assert.equal((await records.read('fake-1'))?.pid, null);
});

test('the process gets a clean environment, its nonce and its id', async (t) => {
  const { managed, folder } = await manageFake(t, [], {
    env: { PATH: process.env['PATH'], SECRET: 'x', HF_HOME: '/m' },
    change: (plan) => ({ ...plan, env: { OWN: '1' } }),
  });
  await managed.ensureReady();
  if (process.platform !== 'linux') return;
  const names = await environmentOf(managed.view.pid ?? 0);
  assert.deepEqual(names, ['HF_HOME', 'OWN', 'PATH', 'RBEE_RUN_NONCE', 'RBEE_STATE', 'RBEE_WORKER_ID']);
  assert.equal((await stat(join(folder, 'runs', 'fake-1.json'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, 'logs', 'fake-1.log'))).mode & 0o777, 0o600);
});

test('concurrent callers share one process', async (t) => {
  const { managed, planned } = await manageFake(t, ['--ready-after', '50']);
  await Promise.all(Array.from({ length: 10 }, () => managed.ensureReady()));
  const { pid } = managed.view;
  await managed.ensureReady();
  assert.equal(managed.view.pid, pid);
  assert.equal(planned.length, 1);
});

test('stopping without a process succeeds, also twice', async (t) => {
  const { managed } = await manageFake(t, []);
  await managed.stop();
  await managed.ensureReady();
  await Promise.all([managed.stop(), managed.stop(), managed.kill()]);
  assert.equal(managed.view.state, 'stopped');
});

test('a process killed from outside is started again at once, and the restart is counted', async (t) => {
  const { managed, states, narrated, freed } = await manageFake(t, ['--fork-child', '--deaf']);
  await managed.ensureReady();
  const { pid, port } = managed.view;
  const child = Number(/child pid (\d+)/.exec(await readFile(managed.record.logFile, 'utf8'))?.[1]);
  process.kill(pid ?? 0, 'SIGKILL');
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid && managed.view.restarts === 1);
  assert.ok(await isGone(child), 'what the dead leader left behind is gone');
  assert.deepEqual(states, ['starting', 'loading', 'ready', 'unhealthy', 'starting', 'loading', 'ready']);
  assert.deepEqual(freed, [port]);
  assert.match(narrated.join('\n'), /it was killed from outside \(SIGKILL\); starting it again/);
  await managed.kill();
});

test('with the policy never, a crash is final and has a reason', async (t) => {
  const { managed, records } = await manageFake(t, ['--exit-code', '9', '--die-with', 'ggml: boom'], {
    policy: 'never',
    diagnose: async ({ log, exit, wasReady }) => {
      assert.deepEqual([exit, wasReady], [{ code: 9, signal: null }, true]);
      return { cause: 'out_of_memory', message: `engine said ${log.at(-1)}`, hint: 'buy more' };
    },
  });
  await managed.ensureReady();
  crash(managed);
  const failure = await eventually(() => managed.view.failure);
  assert.equal(managed.view.state, 'failed');
  assert.equal(failure.cause, 'out_of_memory');
  assert.equal(failure.message, 'engine said ggml: boom');
  assert.deepEqual([failure.exitCode, failure.signal], [9, null]);
  await eventually(async () => (await records.read('fake-1'))?.failure);
  await managed.stop();
  assert.deepEqual([managed.view.state, managed.view.failure], ['stopped', null]);
});

test('a process that exits cleanly is stopped, not restarted', async (t) => {
  const { managed, states } = await manageFake(t, ['--exit-code', '0']);
  await managed.ensureReady();
  crash(managed);
  await eventually(() => managed.view.state === 'stopped');
  assert.deepEqual(states.slice(-3), ['unhealthy', 'stopping', 'stopped']);
});

test('a crash loop ends in failed, with the last output', async (t) => {
  let now = 1_000_000;
  const { managed, planned } = await manageFake(t, ['--exit-code', '3', '--die-with', 'last words'], {
    clock: { now: () => (now += 1), random: () => 0 },
  });
  await managed.ensureReady();
  const failure = await eventually(() => {
    crash(managed);
    return managed.view.failure;
  });
  assert.equal(managed.view.state, 'failed');
  assert.match(failure.message, /exit code 3 \(5 times in five minutes\)/);
  assert.equal(failure.log.at(-1), 'last words');
  assert.deepEqual([planned.length, managed.view.restarts], [5, 4]);
});

/** Ends the process repeatedly, and requests it during each recovery so that no test waits for the back-off. */
const endOften = async (managed: ManagedProcess, times: number, end: (pid: number) => void): Promise<void> => {
  for (let count = 0; count < times; count += 1) {
    const pid = await eventually(() => managed.view.pid);
    end(pid);
    // The policy has decided. A request before that would be a separate start.
    await eventually(() => managed.view.state === 'failed' || managed.view.restarts > count);
    if (managed.view.state === 'failed') return;
    await managed.ensureReady();
  }
};

// After five kills from outside, a healthy worker used to be abandoned.
test('repeated kills from outside never lead to failed, and kills are counted separately', async (t) => {
  const { managed, records } = await manageFake(t, []);
  await managed.ensureReady();
  await endOften(managed, 7, (pid) => process.kill(pid, 'SIGKILL'));
  assert.deepEqual([managed.view.state, managed.view.restarts, managed.view.kills], ['ready', 7, 7]);
  assert.deepEqual(managed.record.crashes, []);
  await eventually(async () => (await records.read('fake-1'))?.killed === 7);
  await managed.stop();
});

// A manually restarted worker used to be abandoned if its engine was killed before it was ready.
test('a process killed from outside during a requested start is started again', async (t) => {
  const slow = ['--ready-after', '600000'];
  const { managed, planned } = await manageFake(t, [], {
    change: (plan) => (planned.length === 1 ? { ...plan, argv: [...plan.argv, ...slow] } : plan),
  });
  const asked = managed.ensureReady();
  const pid = await eventually(() => managed.view.state === 'loading' && managed.view.pid);
  process.kill(pid, 'SIGKILL');
  await assert.rejects(asked, { code: 'WORKER_FAILED', message: /it was ended by SIGKILL before it was ready/ });
  await eventually(() => managed.view.state === 'ready');
  assert.deepEqual([managed.view.restarts, managed.view.kills], [1, 1]);
});

// The end was noticed but not handled yet, and the process was still reported as ready.
test('ensureReady waits for the next process when one has just ended', async (t) => {
  const { managed } = await manageFake(t, []);
  await managed.ensureReady();
  const { pid } = managed.view;
  process.kill(pid ?? -1, 'SIGKILL');
  while (managed.view.pid !== null) await new Promise(setImmediate);
  await managed.ensureReady();
  assert.ok(managed.view.pid !== null && managed.view.pid !== pid);
});

test('a process that logs why it ends counts as failed, even if a signal ended it', async (t) => {
  const { managed } = await manageFake(t, [], {
    diagnose: async () => ({ cause: 'out_of_memory', message: 'no memory on cuda:0', hint: 'h' }),
  });
  await managed.ensureReady();
  await endOften(managed, 7, (pid) => process.kill(pid, 'SIGKILL'));
  assert.match(managed.view.failure?.message ?? '', /no memory on cuda:0 \(5 times in five minutes\)/);
  assert.deepEqual([managed.view.restarts, managed.view.kills], [4, 0]);
});

test('a failed first start is not repeated and throws the engine’s message', async (t) => {
  const { managed, planned, freed } = await manageFake(t, ['--exit-before-ready', '--die-with', 'no such model']);
  await assert.rejects(managed.ensureReady(), (error) => {
    assert.ok(error instanceof RbeeError);
    assert.equal(error.code, 'WORKER_FAILED');
    assert.match(error.message, /fake-1 failed: it ended with exit code 1 before it was ready/);
    assert.equal(error.lines.at(-1), 'no such model');
    return true;
  });
  assert.equal(managed.view.state, 'failed');
  assert.deepEqual(planned, freed);
  assert.equal(planned.length, 1);
});

test('a missing program, or one that is not executable, is reported in a sentence', async (t) => {
  const missing = await manageFake(t, [], { change: (plan) => ({ ...plan, argv: ['/no/such/engine'] }) });
  await assert.rejects(missing.managed.ensureReady(), {
    message: 'worker fake-1 failed: program /no/such/engine not found',
  });
  assert.equal(missing.managed.view.state, 'failed');
  const plain = join(missing.folder, 'plain');
  await writeFile(plain, 'x');
  const other = await manageFake(t, [], { change: (plan) => ({ ...plan, argv: [plain] }) });
  await assert.rejects(other.managed.ensureReady(), {
    message: /is not executable/,
    hint: `run: chmod u+x ${plain}`,
  });
});

test('an error of the plan is thrown unchanged', async (t) => {
  const { managed } = await manageFake(t, [], {
    plan: () => Promise.reject(RbeeError.of('MODEL_DEMO_UNAVAILABLE', { type: 'x' })),
  });
  await assert.rejects(managed.ensureReady(), { code: 'MODEL_DEMO_UNAVAILABLE' });
  assert.equal(managed.view.state, 'failed');
  assert.match(managed.view.failure?.message ?? '', /no demo model/);
});

test('a process without progress is ended together with children that ignore SIGTERM, and reported', async (t) => {
  const { managed, folder } = await manageFake(t, ['--never-ready', '--fork-child', '--deaf'], {
    stop: { signals: [{ signal: 'SIGTERM', graceMs: 50 }] },
    change: (plan) => ({ ...plan, progressDeadlineMs: 2_000 }),
  });
  await assert.rejects(managed.ensureReady(), { message: /no progress for 2 s while it was loading .*answers 503/ });
  assert.equal(managed.view.failure?.cause, 'no_progress');
  const log = await readFile(join(folder, 'logs', 'fake-1.log'), 'utf8');
  assert.ok(await isGone(Number(/child pid (\d+)/.exec(log)?.[1])));
});

test('a port taken between the plan and the spawn is replaced by another', async (t) => {
  const strangers: Promise<Server>[] = [];
  let plans = 0;
  const { managed, planned, narrated } = await manageFake(t, [], {
    change: (plan) => {
      plans += 1;
      if (plans <= 2 && plan.port) strangers.push(serve(t, plan.port));
      return plan;
    },
  });
  await managed.ensureReady();
  await Promise.all(strangers);
  assert.equal(planned.length, 3);
  assert.equal(managed.view.port, planned[2]);
  assert.equal(narrated.filter((text) => text.includes('trying another port')).length, 2);
});

test('another program that answers on the port is not mistaken for the process', async (t) => {
  let first = true;
  const { managed, planned } = await manageFake(t, [], {
    change: (plan) => {
      if (!first || plan.port === null) return plan;
      first = false;
      void serve(t, plan.port);
      return { ...plan, argv: [...plan.argv, '--no-listen'] };
    },
  });
  await managed.ensureReady();
  assert.equal(planned.length, 2);
});

test('a port that is always taken ends the attempts', async (t) => {
  const { managed, planned } = await manageFake(t, [
    '--exit-before-ready',
    '--die-with',
    'bind: address already in use',
  ]);
  await assert.rejects(managed.ensureReady(), { code: 'WORKER_FAILED' });
  assert.equal(managed.view.failure?.cause, 'port_in_use');
  assert.equal(planned.length, 5);
  assert.equal(new Set(planned).size, 5);
});

test('when the last caller leaves, the start is undone', async (t) => {
  const { managed, folder, freed, planned } = await manageFake(t, ['--never-ready', '--fork-child']);
  const [one, other] = [new AbortController(), new AbortController()];
  const first = managed.ensureReady({ signal: one.signal });
  const second = managed.ensureReady({ signal: other.signal });
  const pid = await eventually(() => managed.view.pid);
  const log = join(folder, 'logs', 'fake-1.log');
  const child = Number(await eventually(async () => /child pid (\d+)/.exec(await readFile(log, 'utf8'))?.[1]));
  one.abort();
  await assert.rejects(first, { code: 'CANCELLED' });
  assert.ok(!(await isGone(pid)), 'the other one still waits');
  other.abort();
  await assert.rejects(second, { code: 'CANCELLED' });
  assert.ok((await isGone(pid)) && (await isGone(child)));
  assert.equal(managed.view.state, 'stopped');
  assert.deepEqual(freed, planned);
  await assert.rejects(managed.ensureReady({ signal: AbortSignal.abort() }), { code: 'CANCELLED' });
});

test('a caller that leaves during planning leaves nothing behind', async (t) => {
  const stop = new AbortController();
  const made = Promise.withResolvers<void>();
  const { managed, freed, planned } = await manageFake(t, [], {
    change: (plan) => {
      made.resolve();
      stop.abort();
      return plan;
    },
  });
  await assert.rejects(managed.ensureReady({ signal: stop.signal }), { code: 'CANCELLED' });
  await made.promise;
  assert.equal(managed.view.state, 'stopped');
  assert.deepEqual(freed, planned);
  await managed.ensureReady();
});

test('a stop during the start ends it, and a start after the stop goes through', async (t) => {
  const { managed } = await manageFake(t, ['--ready-after', '300']);
  const start = managed.ensureReady();
  const rejected = assert.rejects(start, { code: 'CANCELLED' });
  const pid = await eventually(() => managed.view.pid);
  const stopped = managed.stop();
  const again = managed.ensureReady();
  await rejected;
  await stopped;
  assert.ok(await isGone(pid));
  await again;
  assert.equal(managed.view.state, 'ready');
});

test('a stop drains first, unless there is no time', async (t) => {
  const drained = Promise.withResolvers<void>();
  let aborted = 0;
  const { managed, states } = await manageFake(t, [], {
    drain: ({ signal }) => {
      signal.addEventListener('abort', () => (aborted += 1));
      return drained.promise;
    },
  });
  await managed.ensureReady();
  const stopping = managed.stop();
  await eventually(() => managed.view.state === 'draining');
  drained.resolve();
  await stopping;
  assert.deepEqual(states.slice(-3), ['draining', 'stopping', 'stopped']);

  const endless = await manageFake(t, [], {
    drain: ({ signal }) => {
      signal.addEventListener('abort', () => (aborted += 1));
      return new Promise(() => {});
    },
  });
  await endless.managed.ensureReady();
  const waiting = endless.managed.stop();
  await eventually(() => endless.managed.view.state === 'draining');
  aborted = 0;
  await endless.managed.stop({ now: true });
  await waiting;
  assert.equal(aborted, 1);
  await endless.managed.ensureReady();
  await endless.managed.stop({ now: true });
  assert.equal(endless.states.filter((state) => state === 'draining').length, 1);
});

test('a failing drain, or a process that dies during it, does not delay the stop', async (t) => {
  const said: string[] = [];
  const failing = await manageFake(t, [], { drain: () => Promise.reject(new Error('no metrics')) });
  await failing.managed.ensureReady();
  await failing.managed.stop({ narrate: (event) => void ('text' in event && said.push(String(event.text))) });
  assert.match(said.join('\n'), /cannot drain: no metrics/);
  const dying = await manageFake(t, [], { drain: () => new Promise(() => {}) });
  await dying.managed.ensureReady();
  const { pid } = dying.managed.view;
  const stopping = dying.managed.stop();
  await eventually(() => dying.managed.view.state === 'draining');
  process.kill(pid ?? 0, 'SIGKILL');
  await stopping;
  assert.equal(dying.managed.view.state, 'stopped');
});

test('a caller that stops waiting for a stop does not undo it', async (t) => {
  const drained = Promise.withResolvers<void>();
  const { managed } = await manageFake(t, [], { drain: () => drained.promise });
  await managed.ensureReady();
  const stop = new AbortController();
  const stopping = managed.stop({ signal: stop.signal });
  stop.abort();
  await assert.rejects(stopping, { code: 'CANCELLED' });
  drained.resolve();
  await eventually(() => managed.view.state === 'stopped');
});

test('a kill does not wait, not even for a running stop', async (t) => {
  const { managed } = await manageFake(t, ['--deaf', '--fork-child'], {
    stop: { signals: [{ signal: 'SIGTERM', graceMs: 600_000 }] },
  });
  await managed.ensureReady();
  const { pid } = managed.view;
  const stopping = managed.stop();
  await eventually(async () => (await readFile(managed.record.logFile, 'utf8')).includes('got SIGTERM'));
  await managed.kill();
  await stopping;
  assert.ok(await isGone(pid ?? 0));
});

test('a restart gives a new process from a new plan', async (t) => {
  const { managed, planned } = await manageFake(t, []);
  await managed.ensureReady();
  const { pid } = managed.view;
  await managed.restart();
  assert.equal(managed.view.state, 'ready');
  assert.notEqual(managed.view.pid, pid);
  assert.equal(planned.length, 2);
  assert.equal(managed.view.restarts, 0, 'only those after crashes count');
});

test('after a delete nothing is left, and requests are refused', async (t) => {
  const { managed, records, freed } = await manageFake(t, ['--deaf', '--fork-child'], {
    stop: { signals: [{ signal: 'SIGTERM', graceMs: 50 }] },
  });
  await managed.ensureReady();
  const { pid } = managed.view;
  await managed.delete();
  assert.ok(await isGone(pid ?? 0));
  assert.equal(await records.read('fake-1'), null);
  assert.equal(freed.length, 1);
  await assert.rejects(managed.ensureReady(), { code: 'WORKER_NOT_FOUND' });
  await assert.rejects(managed.restart(), { code: 'WORKER_NOT_FOUND' });
  await managed.stop();
  assert.equal(await records.read('fake-1'), null);
});

// A start between the end of the process and the removal of its record used to leave an unowned process.
test('a start requested during a deletion is refused, and leaves no process', async (t) => {
  const { managed, records, planned } = await manageFake(t, []);
  await managed.ensureReady();
  const deleting = managed.delete();
  await assert.rejects(managed.ensureReady(), { code: 'WORKER_NOT_FOUND' });
  await Promise.all([deleting, managed.delete()]);
  assert.deepEqual([managed.view.pid, planned.length, await records.read('fake-1')], [null, 1, null]);
});

test('after a failed deletion, the process can be started, stopped and deleted again', async (t) => {
  const { managed, records, folder } = await manageFake(t, []);
  await managed.ensureReady();
  await rm(join(folder, 'runs', 'fake-1.json'));
  await mkdir(join(folder, 'runs', 'fake-1.json', 'in the way'), { recursive: true });
  await assert.rejects(managed.delete(), { code: 'STATE_UNWRITABLE' });
  await rm(join(folder, 'runs'), { recursive: true });
  await managed.ensureReady();
  assert.equal((await records.read('fake-1'))?.wanted, 'running');
  await managed.delete();
  assert.equal(await records.read('fake-1'), null);
});

// A restart that was decided before the stop used to happen after it.
for (const how of ['stop', 'delete'] as const) {
  test(`a ${how} requested during crash handling has the last word`, async (t) => {
    let asked: Promise<void> | undefined;
    const { managed, planned } = await manageFake(t, ['--exit-code', '3'], {
      onChange: () => {
        if (managed.view.state === 'unhealthy') asked ??= managed[how]();
      },
    });
    await managed.ensureReady();
    crash(managed);
    await eventually(() => asked !== undefined);
    await asked;
    // When this has run, so has everything that was queued before it.
    await managed.kill();
    assert.deepEqual([managed.view.state, managed.view.pid, planned.length], ['stopped', null, 1]);
  });
}

/** PID of the process that the engine detached from its group and its parent. */
const away = (log: string): Promise<number> =>
  eventually(async () => Number(/away pid (\d+)/.exec(await readFile(log, 'utf8'))?.[1] ?? 0) || null);

// Only the process group used to be ended, so one more process outside it survived each crash.
test('processes outside the engine’s group end with it: at a crash, a stop, a kill and a deletion', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { managed } = await manageFake(t, ['--fork-away', '--exit-code', '3']);
  const { pids } = killAfter(t);
  const { logFile } = managed.record;
  const started = async () => {
    await managed.ensureReady();
    const pid = await away(logFile);
    pids.add(pid);
    assert.ok(!(await isGone(pid)));
    await rm(logFile);
    return pid;
  };
  const first = await started();
  const { pid } = managed.view;
  crash(managed);
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
  assert.ok(await isGone(first), 'crash');
  for (const how of ['stop', 'kill', 'delete'] as const) {
    const left = await started();
    await managed[how]();
    assert.ok(await isGone(left), how);
  }
});

test('a process outside the group that ignores signals is killed after the grace period', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { managed } = await manageFake(t, ['--fork-away', '--deaf'], {
    stop: { signals: [{ signal: 'SIGTERM', graceMs: 20 }] },
  });
  await managed.ensureReady();
  const pid = await away(managed.record.logFile);
  killAfter(t).pids.add(pid);
  await managed.stop();
  assert.ok(await isGone(pid));
});

// If its record could not be saved, the next start had another nonce and did not find it.
test('a spawn that fails after the process started leaves no process', async (t) => {
  let broken = true;
  const spawned: number[] = [];
  const runner: Runner = {
    ...localRunner,
    spawnDetached: async (...args) => {
      const process = await localRunner.spawnDetached(...args);
      spawned.push(process.pid);
      return process;
    },
    identity: async (pid) => {
      if (broken && spawned.includes(pid)) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      return await localRunner.identity(pid);
    },
  };
  const { managed } = await manageFake(t, [], { runner });
  killAfter(t);
  await assert.rejects(managed.ensureReady(), { message: /too many open files/ });
  broken = false;
  await managed.ensureReady();
  assert.ok(await isGone(spawned[0] ?? 0));
  assert.ok(!(await isGone(spawned[1] ?? 0)));
  await managed.stop();
});

test('the ready callback needs the token of this start, and can be repeated', async (t) => {
  let token = '';
  const { managed } = await manageFake(t, [], {
    change: (plan) => {
      token = String(plan.env['RBEE_READY_TOKEN']);
      return { ...plan, ready: { mode: 'callback' } };
    },
  });
  assert.equal(managed.callbackReady(''), false);
  const start = managed.ensureReady();
  await eventually(() => managed.view.state === 'loading');
  assert.equal(managed.callbackReady('wrong'), false);
  assert.equal(managed.callbackReady(token), true);
  await start;
  assert.equal(managed.callbackReady(token), true);
  await managed.stop();
  assert.equal(managed.callbackReady(token), false);
});

test('the fake engine’s callback is accepted over a socket', async (t) => {
  const { managed, folder } = await manageFake(t, ['--callback', '--ready-after', '20'], {
    change: (plan) => ({
      ...plan,
      ready: { mode: 'callback' },
      env: { ...plan.env, RBEE_READY_SOCKET: join(folder, 'h.sock'), RBEE_READY_PATH: '/ready' },
    }),
  });
  const refusals: number[] = [];
  const server = createServer((incoming, outgoing) => {
    // The first callback is lost, as while a hive restarts, and is repeated.
    const accepted =
      refusals.length > 0 && managed.callbackReady(String(incoming.headers.authorization).slice('Bearer '.length));
    if (!accepted) refusals.push(1);
    outgoing.writeHead(accepted ? 204 : 503).end();
  }).listen(join(folder, 'h.sock'));
  t.after(() => server.close());
  await managed.ensureReady();
  assert.equal(refusals.length, 1);
});

test('a log line or a manual report can make it ready', async (t) => {
  const byLog = await manageFake(t, ['--ready-line', 'all set'], {
    change: (plan) => ({ ...plan, ready: { mode: 'log', pattern: 'all set' } }),
  });
  await byLog.managed.ensureReady();
  await byLog.managed.restart();
  const byHand = await manageFake(t, [], { change: (plan) => ({ ...plan, ready: { mode: 'manual' } }) });
  const start = byHand.managed.ensureReady();
  await eventually(() => byHand.managed.view.state === 'loading');
  byHand.managed.markReady();
  await start;
  assert.equal(byHand.managed.view.state, 'ready');
});

test('a process that floods its log becomes ready without filling the disk', async (t) => {
  const { managed, folder } = await manageFake(t, ['--flood', '--ready-after', '50']);
  await managed.ensureReady();
  const log = join(folder, 'logs', 'fake-1.log');
  await eventually(() =>
    stat(`${log}.1`).then(
      () => true,
      () => false,
    ),
  );
  await eventually(async () => (await stat(log)).size < 16 * 1024 * 1024);
  await managed.stop();
});

test('a process that stops answering is restarted', async (t) => {
  const { managed, states } = await manageFake(t, [], {
    change: (plan) => ({ ...plan, live: { url: `http://127.0.0.1:${plan.port}/no-such-path`, everyMs: 5 } }),
    policy: 'never',
  });
  await managed.ensureReady();
  const failure = await eventually(() => managed.view.failure);
  assert.match(failure.message, /no longer answers \(.*answers 404\)/);
  assert.deepEqual(states.slice(-2), ['unhealthy', 'failed']);
});

test('a frozen process becomes suspect, and is then ended and restarted', async (t) => {
  const { managed, states } = await manageFake(t, [], {
    change: (plan) => ({ ...plan, live: { url: `http://127.0.0.1:${plan.port}/health`, everyMs: 50 } }),
  });
  await managed.ensureReady();
  const { pid } = managed.view;
  assert.equal(managed.view.suspect, false);
  process.kill(pid ?? 0, 'SIGSTOP');
  await eventually(() => managed.view.suspect);
  assert.equal(managed.view.state, 'ready');
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
  assert.deepEqual(states, ['starting', 'loading', 'ready', 'unhealthy', 'starting', 'loading', 'ready']);
  const { suspect, restarts, kills } = managed.view;
  assert.deepEqual([suspect, restarts, kills], [false, 1, 1], 'a signal from outside had stopped it');
});

test('a process with an unenforceable limit is not started', async (t) => {
  const confiner = new Confiner(localRunner, { cgroups: '/no/cgroups', ownGroup: async () => '0::/\n' });
  const limits = { memoryBytes: 2 ** 30 };
  const { managed } = await manageFake(t, [], { env: { PATH: process.env['PATH'] }, limits, confiner });
  await assert.rejects(managed.ensureReady(), {
    message: /cannot enforce the memory limit/,
    hint: /omit the limit/,
  });
  assert.equal(managed.view.pid, null);
});

test('an unwritable record fails a start before anything runs', async (t) => {
  const { managed, folder, freed, narrated } = await manageFake(t, []);
  await writeFile(join(folder, 'runs'), 'no folder');
  await assert.rejects(managed.ensureReady(), { code: 'WORKER_FAILED', message: /cannot write .*runs/ });
  assert.equal(managed.view.pid, null);
  assert.equal(freed.length, 1);
  await rm(join(folder, 'runs'));
  await managed.ensureReady();
  // The record of the start may still be unsaved.
  await rm(join(folder, 'runs'), { recursive: true, maxRetries: 20 });
  await writeFile(join(folder, 'runs'), 'no folder again');
  await managed.stop();
  assert.equal(managed.view.state, 'stopped', 'a full disk does not prevent a stop');
  assert.match(narrated.join('\n'), /cannot write/);
});

test('constructing does nothing, and a closed owner refuses work', async (t) => {
  const { managed, folder } = await manageFake(t, []);
  assert.ok(managed instanceof ManagedProcess);
  await assert.rejects(stat(join(folder, 'runs')), { code: 'ENOENT' });
  await managed.close();
  await assert.rejects(managed.ensureReady(), { code: 'CANCELLED' });
});

test('a process that cannot be stopped is reported, still watched, and never started twice', async (t) => {
  let denied = true;
  const runner: Runner = {
    ...localRunner,
    signal: async (target, signal) => {
      if (denied) throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
      return await localRunner.signal(target, signal);
    },
  };
  const { managed } = await manageFake(t, [], { runner });
  await managed.ensureReady();
  const { pid } = managed.view;
  await assert.rejects(managed.stop(), { code: 'PERMISSION_DENIED' });
  assert.deepEqual([managed.view.state, managed.view.pid], ['failed', pid]);
  await assert.rejects(managed.ensureReady(), { code: 'PERMISSION_DENIED' });
  denied = false;
  await managed.ensureReady();
  assert.ok(await isGone(pid ?? 0));
  denied = true;
  await assert.rejects(managed.stop(), { code: 'PERMISSION_DENIED' });
  denied = false;
  process.kill(managed.view.pid ?? 0, 'SIGKILL');
  await eventually(() => managed.view.pid === null);
  await managed.stop();
  assert.equal(managed.view.state, 'stopped');
});

test('ensureReady during crash recovery resets no count', async (t) => {
  const { managed } = await manageFake(t, [], { clock: { now: () => 1, random: () => 0 } });
  await managed.ensureReady();
  await eventually(async () => {
    crash(managed);
    if (managed.view.state === 'starting') await managed.ensureReady().catch(() => {});
    return managed.view.failure;
  });
  assert.match(managed.view.failure?.message ?? '', /5 times in five minutes/);
});

/** A fake engine that can sleep, with frequent health checks. */
const restful = (plan: ProcessPlan): ProcessPlan => {
  const base = `http://127.0.0.1:${plan.port}`;
  const request = (path: string) => ({ method: 'POST', url: base + path }) as const;
  return {
    ...plan,
    live: { url: `${base}/health`, everyMs: 10 },
    rest: { sleep: request('/sleep'), wake: request('/wake') },
  };
};
const restsOf = async ({ view }: ManagedProcess) =>
  (await (await fetch(`http://127.0.0.1:${view.port}/rests`)).json()) as { sleeps: number; wakes: number };

test('a sleeping process is not mistaken for an unhealthy one, and is watched again after waking', async (t) => {
  const { managed, states, records } = await manageFake(t, [], { change: restful });
  await managed.ensureReady();
  const { pid, port } = managed.view;
  await Promise.all([managed.sleep(), managed.sleep()]);
  await managed.sleep();
  assert.deepEqual([managed.view.state, managed.view.pid, managed.view.port], ['sleeping', pid, port]);
  assert.equal((await records.read('fake-1'))?.asleep, true);
  // A health check would have failed by now.
  await new Promise<void>((resolve) => {
    watchLiveness({
      live: { url: `http://127.0.0.1:${port}/health`, everyMs: 10 },
      onUnhealthy: () => resolve(),
    });
    const waiting = setTimeout(() => {}, 20_000);
    t.after(() => clearTimeout(waiting));
  });
  await Promise.all([managed.wake(), managed.wake()]);
  assert.deepEqual([managed.view.state, managed.view.pid], ['ready', pid]);
  assert.deepEqual(await restsOf(managed), { sleeps: 1, wakes: 1 });
  assert.equal((await records.read('fake-1'))?.asleep, false);
  assert.deepEqual(states, ['starting', 'loading', 'ready', 'sleeping', 'ready']);
  // It sleeps without its owner's knowledge, so health checks count again.
  await fetch(`http://127.0.0.1:${port}/sleep`, { method: 'POST' });
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
});

test('a process that dies while it sleeps is started again, awake', async (t) => {
  const { managed, records } = await manageFake(t, [], { change: restful });
  await managed.ensureReady();
  await managed.sleep();
  const { pid } = managed.view;
  process.kill(pid ?? 0, 'SIGKILL');
  await eventually(() => managed.view.state === 'ready' && managed.view.pid !== pid);
  assert.equal(managed.view.restarts, 1);
  await eventually(async () => (await records.read('fake-1'))?.asleep !== true);
});

test('a sleeping process is started by waking it, and stopped and restarted like any other', async (t) => {
  const { managed } = await manageFake(t, [], { change: restful });
  await managed.ensureReady();
  const { pid } = managed.view;
  await managed.sleep();
  await managed.ensureReady();
  assert.deepEqual([managed.view.state, managed.view.pid], ['ready', pid]);
  await managed.sleep();
  await managed.restart();
  assert.equal(managed.view.state, 'ready');
  assert.notEqual(managed.view.pid, pid);
  await managed.sleep();
  await managed.stop();
  assert.equal(managed.view.state, 'stopped');
  await assert.rejects(managed.wake(), { code: 'WORKER_NOT_READY' });
  await assert.rejects(managed.sleep(), { code: 'WORKER_NOT_READY' });
});

test('a refused sleep changes nothing, and the answer of the process is reported', async (t) => {
  const { managed, records } = await manageFake(t, ['--rest-status', '500'], { change: restful });
  await managed.ensureReady();
  await assert.rejects(managed.sleep(), {
    code: 'WORKER_SLEEP_FAILED',
    message: 'worker fake-1 could not be put to sleep: it answered 500: CUDA out of memory',
  });
  assert.equal(managed.view.state, 'ready');
  await eventually(async () => (await records.read('fake-1'))?.asleep === false);
});

test('a stop does not wait for a process that does not answer a sleep request', async (t) => {
  const { managed } = await manageFake(t, ['--rest-silent'], { change: restful });
  await managed.ensureReady();
  const sleeping = assert.rejects(managed.sleep(), { code: 'WORKER_SLEEP_FAILED', message: /it is being stopped$/ });
  await eventually(async () => (await restsOf(managed)).sleeps === 1);
  await managed.stop({ now: true });
  await sleeping;
  assert.equal(managed.view.state, 'stopped');
});

test('a process that cannot sleep says why', async (t) => {
  const stop = { signals: [{ signal: 'SIGTERM', graceMs: 5000 }] } as const;
  const without = await manageFake(t, [], { stop });
  await without.managed.ensureReady();
  await assert.rejects(without.managed.sleep(), {
    code: 'WORKER_CANNOT_SLEEP',
    message: /its worker type has no sleep/,
  });
  const [sleep, wake] = [
    { method: 'POST', path: '/sleep', option: 'sleep_mode' },
    { method: 'POST', path: '/wake' },
  ] as const;
  const off = await manageFake(t, [], { stop: { ...stop, sleep, wake } });
  await off.managed.ensureReady();
  await assert.rejects(off.managed.sleep(), { code: 'WORKER_CANNOT_SLEEP', hint: /--option sleep_mode=true/ });
});
