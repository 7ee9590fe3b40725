import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually, fakeEngine, isGone, killAfter, tempFolder } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import type { ProcessIdentity, Runner } from '../system/runner.ts';
import { terminate } from './terminate.ts';

const term = (graceMs: number) => ({ signal: 'SIGTERM', graceMs }) as const;

/** A fake engine that does not listen, and the PID of its child if it has one. */
const start = async (t: TestContext, ...flags: string[]) => {
  const folder = await tempFolder(t);
  const logFile = join(folder, 'a.log');
  const { pids } = killAfter(t);
  const { pid, exited } = await localRunner.spawnDetached(
    [process.execPath, fakeEngine, '--no-listen', '--load-lines', '1', ...flags],
    {
      env: { PATH: process.env['PATH'] },
      cwd: folder,
      logFile,
    },
  );
  pids.add(pid);
  const log = () => readFile(logFile, 'utf8');
  await eventually(async () => (await log()).includes('loading 100%'));
  const child = Number(/child pid (\d+)/.exec(await log())?.[1] ?? 0);
  if (child > 0) pids.add(child);
  const identity = (await localRunner.identity(pid)) as ProcessIdentity;
  return { pid, exited, child, identity, log };
};

test('a process that handles SIGTERM exits', async (t) => {
  const { identity, exited } = await start(t);
  await terminate(localRunner, identity, { name: 'fake', signals: [term(20_000)], exited });
  assert.deepEqual(await exited, { code: 0, signal: null });
});

test('a process that ignores signals gets each in turn and then SIGKILL', async (t) => {
  const { identity, exited, log } = await start(t, '--deaf');
  const signals = [{ signal: 'SIGINT', graceMs: 100 } as const, term(100)];
  await terminate(localRunner, identity, { name: 'fake', signals, exited });
  assert.deepEqual(await exited, { code: null, signal: 'SIGKILL' });
  assert.match(await log(), /got SIGINT\ngot SIGTERM\n/);
});

test('children that outlive their leader are ended, whether they handle signals or not', async (t) => {
  for (const flags of [['--fork-child'], ['--fork-child', '--deaf']]) {
    const { identity, child } = await start(t, ...flags);
    assert.ok(!(await isGone(child)));
    await terminate(localRunner, identity, { name: 'fake', signals: [term(300)] });
    assert.ok(await isGone(identity.pid));
    assert.ok(await isGone(child));
  }
});

test('the rest of a group whose leader has died is killed', async (t) => {
  const { identity, exited, child } = await start(t, '--fork-child', '--deaf');
  process.kill(identity.pid, 'SIGKILL');
  await exited;
  assert.ok(!(await isGone(child)));
  await terminate(localRunner, identity, { name: 'fake', signals: [] });
  assert.ok(await isGone(child));
});

test('a process that is already gone is not an error', async (t) => {
  const { identity, exited } = await start(t);
  process.kill(identity.pid, 'SIGKILL');
  await exited;
  await terminate(localRunner, identity, { name: 'fake', signals: [term(100)] });
  await terminate(localRunner, identity, { name: 'fake', signals: [] });
});

test('another process with the same PID is never signalled', async (t) => {
  const { identity } = await start(t);
  for (const signals of [[term(50)], []]) {
    await terminate(localRunner, { ...identity, startTime: '1' }, { name: 'fake', signals });
    await terminate(localRunner, { ...identity, startTime: '1', group: 4711 }, { name: 'fake', signals });
  }
  assert.ok(!(await isGone(identity.pid)));
});

test('a process that leads no group is signalled alone', async (t) => {
  const { identity, child } = await start(t, '--fork-child');
  const alone = (await localRunner.identity(child)) as ProcessIdentity;
  assert.equal(alone.group, identity.pid);
  await terminate(localRunner, alone, { name: 'child', signals: [] });
  assert.ok(await isGone(child));
  assert.ok(!(await isGone(identity.pid)));
  await terminate(localRunner, identity, { name: 'fake', signals: [term(20_000)] });
});

test('`hurry` skips the remaining signals', async (t) => {
  const { identity, exited } = await start(t, '--deaf');
  const hurry = new AbortController();
  const ending = terminate(localRunner, identity, {
    name: 'fake',
    signals: [term(600_000)],
    exited,
    hurry: hurry.signal,
  });
  hurry.abort();
  await ending;
  assert.equal((await exited)?.signal, 'SIGKILL');
  const second = await start(t, '--deaf');
  await terminate(localRunner, second.identity, { name: 'fake', signals: [term(600_000)], hurry: hurry.signal });
  assert.ok(await isGone(second.pid));
});

test('a missing permission and a process that cannot be killed are reported', async () => {
  const identity = { pid: 4711, startTime: '1', bootId: 'b', group: 4711 };
  const refusing = (signal: Runner['signal']): Runner => ({
    ...localRunner,
    identity: async () => identity,
    groupMembers: async () => [4711],
    signal,
  });
  const denied = refusing(async () => {
    throw Object.assign(new Error('no'), { code: 'EPERM' });
  });
  await assert.rejects(terminate(denied, identity, { name: 'fake', signals: [term(1)] }), {
    code: 'PERMISSION_DENIED',
  });
  const broken = refusing(async () => {
    throw Object.assign(new Error('broken'), { code: 'EIO' });
  });
  await assert.rejects(terminate(broken, identity, { name: 'fake', signals: [] }), { code: 'EIO' });
  const stuck = refusing(async () => true);
  await assert.rejects(terminate(stuck, identity, { name: 'fake', signals: [], killMs: 20 }), { code: 'STOP_FAILED' });
});
