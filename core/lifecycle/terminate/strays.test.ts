import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Confiner } from '../limits/limits.ts';
import { isGone, killAfter, tempFolder } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import type { Runner } from '../system/runner.ts';
import { endStrays, findStrays } from './strays.ts';

const hang = 'setInterval(() => {}, 1000)';

const start = async (t: TestContext, folder: string, env: Record<string, string>): Promise<number> => {
  const options = { env, cwd: folder, logFile: join(folder, 'a.log') };
  const { pid } = await localRunner.spawnDetached([process.execPath, '-e', hang], options);
  killAfter(t).pids.add(pid);
  return pid;
};

test('processes with the nonce are ended, and no others', async (t) => {
  const folder = await tempFolder(t);
  const [nonce, other] = [`n-${process.pid}-one`, `n-${process.pid}-other`];
  const ours = await start(t, folder, { RBEE_RUN_NONCE: nonce });
  const strangers = [
    await start(t, folder, { RBEE_RUN_NONCE: other }),
    await start(t, folder, { RBEE_RUN_NONCE: `${nonce}-more` }),
    await start(t, folder, { NOT_RBEE_RUN_NONCE: nonce }),
  ];
  await endStrays(localRunner, { name: 'w-1', nonce, signals: [] });
  assert.ok(await isGone(ours));
  for (const stranger of strangers) assert.ok(!(await isGone(stranger)));
});

// Only its control group identifies such a process.
test('a process that cleared its environment is found in the control group of the run', async (t) => {
  const folder = await tempFolder(t);
  const nonce = 'abcdefghijkl';
  const pid = await start(t, folder, {});
  const deeper = await start(t, folder, {});
  const scope = join(folder, 'user.slice/user-1000.slice/user@1000.service/app.slice/rbee-w-1-abcdefgh.scope');
  await mkdir(join(scope, 'inner'), { recursive: true });
  await writeFile(join(scope, 'cgroup.procs'), `${pid}\n`);
  await writeFile(join(scope, 'inner', 'cgroup.procs'), `${deeper}\n`);
  const confiner = new Confiner(localRunner, { cgroups: folder, uid: 1000 });
  const group = confiner.groupOf({ name: 'w-1', nonce });
  assert.deepEqual(
    (await findStrays(localRunner, { nonce, group })).map((one) => one.pid).sort(),
    [pid, deeper].sort(),
  );
  // A folder of another run is ignored, whatever the record says.
  const foreign = confiner.groupOf({ name: 'w-2', nonce, folder: scope });
  await endStrays(localRunner, { name: 'w-2', nonce, group: foreign, signals: [] });
  assert.ok(!(await isGone(pid)));
  await endStrays(localRunner, { name: 'w-1', nonce, group, signals: [] });
  assert.deepEqual([await isGone(pid), await isGone(deeper)], [true, true]);
});

test('a PID reused by another process meanwhile is not signalled', async (t) => {
  const folder = await tempFolder(t);
  const pid = await start(t, folder, {});
  const stranger = await localRunner.identity(pid);
  let looks = 0;
  const runner: Runner = {
    ...localRunner,
    // As it was found: the process that had this PID before the present one.
    findByEnvironment: async () => (looks++ === 0 && stranger ? [{ ...stranger, startTime: '1' }] : []),
  };
  await endStrays(runner, { name: 'w-1', nonce: 'n', signals: [] });
  assert.ok(!(await isGone(pid)));
});

test('a process that does not end is reported, and so is a missing permission', async (t) => {
  const folder = await tempFolder(t);
  const nonce = `n-${process.pid}-stays`;
  await start(t, folder, { RBEE_RUN_NONCE: nonce });
  const immortal: Runner = { ...localRunner, signal: async () => true };
  const options = { name: 'w-1', nonce, signals: [], killMs: 20 };
  await assert.rejects(endStrays(immortal, options), { code: 'STOP_FAILED', message: /still there after SIGKILL/ });
  const foreign: Runner = {
    ...localRunner,
    signal: () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' })),
  };
  await assert.rejects(endStrays(foreign, options), { code: 'PERMISSION_DENIED' });
  await endStrays(localRunner, options);
});

test('an empty group is removed with its run', async (t) => {
  const folder = await tempFolder(t);
  const own = join(folder, 'rbee-w-1-abcdefgh');
  await mkdir(own);
  const group = new Confiner(localRunner, { cgroups: folder }).groupOf({ name: 'w-1', nonce: 'abcdefgh', folder: own });
  assert.deepEqual([await group.members(), await group.memoryKills()], [[], null]);
  await group.release();
  assert.deepEqual(await readdir(folder), ['rbee-w-1-abcdefgh'], 'without its list of processes it is not a group');
});
