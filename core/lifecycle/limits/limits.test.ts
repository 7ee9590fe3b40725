import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually, tempFolder } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import { Confiner } from './limits.ts';

const limits = { memoryBytes: 2 ** 30, cpus: 1.5 };
const argv = [process.execPath, '-e', 'console.log(process.pid, process.env.MARK)'];

/** A machine whose user systemd is a script that records its arguments and then execs the program, as the real one does. */
const withSystemd = async (t: TestContext, answer = 'exec "$@"') => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'run', 'systemd'), { recursive: true });
  await writeFile(join(folder, 'run', 'systemd', 'private'), '');
  const script = `#!/bin/sh\necho "$@" >> ${folder}/calls\nwhile [ "$1" != -- ]; do shift; done\nshift\n${answer}\n`;
  await writeFile(join(folder, 'systemd-run'), script, { mode: 0o755 });
  const env = { PATH: `${folder}:${process.env['PATH']}`, XDG_RUNTIME_DIR: join(folder, 'run'), MARK: 'm' };
  return { folder, env, calls: async () => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n') };
};

test('with a user systemd, a process gets its own scope, limited or not', async (t) => {
  const { folder, env, calls } = await withSystemd(t);
  const confiner = new Confiner(localRunner, { cgroups: join(folder, 'cgroups') });
  const { argv: wrapped, folder: made } = await confiner.confine(argv, {
    name: 'w-1',
    nonce: 'abcdefghij',
    limits,
    env,
  });
  assert.equal(made, null);
  const logFile = join(folder, 'a.log');
  const { pid, exited } = await localRunner.spawnDetached(wrapped, { env, cwd: folder, logFile });
  assert.equal((await exited)?.code, 0);
  assert.equal(await readFile(logFile, 'utf8'), `${pid} m\n`, 'same process, same environment');
  await confiner.confine(argv, { name: 'w-2', nonce: 'abcdefghij', limits: {}, env });
  const [probe, call] = await calls();
  assert.match(probe ?? '', /-- true$/);
  assert.match(
    call ?? '',
    /--user --scope .*--unit=rbee-w-1-abcdefgh --property MemoryMax=1073741824 --property CPUQuota=150% -- /,
  );
  assert.equal((await calls()).length, 2, 'the machine is examined once');
});

test('a limit that systemd would ignore is refused', async (t) => {
  const { folder, env } = await withSystemd(t);
  const slice = join(folder, 'user.slice/user-1000.slice/user@1000.service');
  await mkdir(slice, { recursive: true });
  await writeFile(join(slice, 'cgroup.controllers'), 'memory pids\n');
  const confiner = new Confiner(localRunner, { cgroups: folder, uid: 1000 });
  const refused = {
    code: 'LIMIT_UNENFORCEABLE',
    message: /^cannot enforce the cpu limit of w-1:/,
    hint: /Delegate=cpu/,
  };
  await assert.rejects(confiner.confine(argv, { name: 'w-1', nonce: 'n', limits, env }), refused);
  await assert.rejects(confiner.check({ name: 'w-1', limits, env }), refused);
  await confiner.confine(argv, { name: 'w-2', nonce: 'n', limits: { memoryBytes: 1 }, env });
});

test('without systemd scopes, a writable cgroup enforces the limits', async (t) => {
  const { folder, env } = await withSystemd(t, 'exit 1');
  const cgroups = join(folder, 'cgroups');
  const own = join(cgroups, 'user', 'hive');
  await mkdir(own, { recursive: true });
  // The parent group delegates both controllers, and this group only one, so the folder is created in the parent.
  await writeFile(join(cgroups, 'user', 'cgroup.subtree_control'), 'cpu memory\n');
  await writeFile(join(own, 'cgroup.subtree_control'), 'memory\n');
  const confiner = new Confiner(localRunner, { cgroups, ownGroup: async () => '1:cpu:/\n0::/user/hive\n' });
  const confined = await confiner.confine(argv, { name: 'w-1', nonce: 'abcdefghij', limits, env });
  const group = join(cgroups, 'user', 'rbee-w-1-abcdefgh');
  assert.equal(await readFile(join(group, 'memory.max'), 'utf8'), '1073741824');
  assert.equal(await readFile(join(group, 'cpu.max'), 'utf8'), '150000 100000');
  const { pid, exited } = await localRunner.spawnDetached(confined.argv, {
    env,
    cwd: folder,
    logFile: join(folder, 'a.log'),
  });
  assert.equal((await exited)?.code, 0);
  assert.equal(await readFile(join(folder, 'a.log'), 'utf8'), `${pid} m\n`);
  assert.equal(await readFile(join(group, 'cgroup.procs'), 'utf8'), `${pid}\n`);
  assert.equal(confined.folder, group);
});

test('with neither, a limit is refused, and a process without limits runs', async (t) => {
  const folder = await tempFolder(t);
  for (const ownGroup of ['0::/\n', 'no version 2 here\n', '0::/not/writable\n']) {
    const confiner = new Confiner(localRunner, { cgroups: folder, ownGroup: async () => ownGroup });
    await assert.rejects(confiner.confine(argv, { name: 'w-1', nonce: 'n', limits, env: {} }), {
      code: 'LIMIT_UNENFORCEABLE',
      message: /^cannot enforce the memory and cpu limit of w-1: .*systemd.*cgroup/,
      hint: /omit the limit/,
    });
    await confiner.check({ name: 'w-1', limits: {}, env: {} });
    assert.deepEqual((await confiner.confine(argv, { name: 'w', nonce: 'n', limits: {}, env: {} })).argv, argv);
  }
});

test('a group that cannot be set up is removed again', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'cgroup.subtree_control'), 'memory cpu\n');
  await mkdir(join(folder, 'rbee-w-1-n'));
  const confiner = new Confiner(localRunner, { cgroups: folder, ownGroup: async () => '0::/\n' });
  await assert.rejects(confiner.confine(argv, { name: 'w-1', nonce: 'n', limits, env: {} }), {
    code: 'LIMIT_UNENFORCEABLE',
  });
  await eventually(async () => !(await readdir(folder)).includes('rbee-w-1-n'));
});
