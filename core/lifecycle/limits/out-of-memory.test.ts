import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import { Confiner } from './limits.ts';
import { killInLog, markMemory, ranOutOfMemory } from './out-of-memory.ts';

const kernel = (pid: number, seconds: number, what = 'Out of memory') =>
  `3,1234,${seconds * 1_000_000},-;${what}: Killed process ${pid} (llama-server) total-vm:48GB, anon-rss:31GB\n SUBSYSTEM=x\n`;

test('the kernel’s log names the killed process, and earlier lines belong to another process', () => {
  const log = `6,1,5,-;eth0: link up\n${kernel(71, 50)}${kernel(72, 60, 'Memory cgroup out of memory')}`;
  assert.equal(killInLog(log, 71, '4000'), 'machine');
  assert.equal(killInLog(log, 72, '4000'), 'limit');
  assert.equal(killInLog(log, 71, '6000'), null, 'it was started later');
  assert.equal(killInLog(log, 7, '0'), null);
  const dmesg = '[   50.123456] Out of memory (oom_kill_allocating_task): Killed process 71 (python3) total-vm:1kB\n';
  assert.equal(killInLog(dmesg, 71, '4000'), 'machine');
  assert.equal(
    killInLog('[   50.1] Out of memory: Kill process 71 (x) score 900 or sacrifice child', 71, '4000'),
    'machine',
  );
  assert.equal(killInLog('my engine said: Out of memory: Killed process 71 (x)', 71, '0'), null);
});

/** A machine with these files. */
const machine = async (t: TestContext, files: { log?: string; kills?: number; events?: string; dmesg?: string }) => {
  const folder = await tempFolder(t);
  const own = join(folder, 'rbee-w-1-abcdefgh');
  await mkdir(own);
  await writeFile(join(own, 'cgroup.procs'), '');
  const group = new Confiner(localRunner, { cgroups: folder }).groupOf({ name: 'w-1', nonce: 'abcdefgh', folder: own });
  const sources = { kernelLog: join(folder, 'kmsg'), counters: join(folder, 'vmstat') };
  const tell = async ({ log, kills, events }: typeof files) => {
    if (log !== undefined) await writeFile(sources.kernelLog, log);
    if (kills !== undefined) await writeFile(sources.counters, `nr_free_pages 1\noom_kill ${kills}\n`);
    if (events !== undefined) await writeFile(join(own, 'memory.events'), events);
  };
  await tell(files);
  const run = async () => {
    if (files.dmesg === undefined) throw new Error('no such program');
    return { code: 0, signal: null, stdout: files.dmesg, stderr: '' };
  };
  return {
    tell,
    mark: () => markMemory(group, sources),
    ask: async (before: Awaited<ReturnType<typeof markMemory>> | null, killed = true) =>
      ranOutOfMemory(
        { run },
        { pid: 71, startTime: '4000', group: await group.memoryKills(), before, killed },
        sources,
      ),
  };
};

test('the control group decides first: the limit was hit, or the machine ran out of memory', async (t) => {
  const { tell, mark, ask } = await machine(t, { log: '', events: 'low 0\noom 2\noom_kill 2\noom_group_kill 0\n' });
  const before = await mark();
  assert.equal(await ask(before), null, 'earlier kills do not count');
  await tell({ events: 'oom 3\noom_kill 3\n' });
  assert.equal(await ask(before), 'limit');
  await tell({ events: 'oom 2\noom_kill 3\n' });
  assert.equal(await ask(before), 'machine');
  assert.equal(await ask(before, false), 'machine', 'a child was killed, and it reported that with an exit code');
});

test('without a group the log decides, and where it is not readable, dmesg or the machine’s counter', async (t) => {
  const logged = await machine(t, { log: kernel(71, 50), kills: 1 });
  assert.equal(await logged.ask(null), 'machine');
  assert.equal(await logged.ask(null, false), null, 'it exited');
  const others = await machine(t, { log: kernel(72, 50), kills: 1 });
  const mark = await others.mark();
  await others.tell({ kills: 2 });
  assert.equal(await others.ask(mark), null, 'the log is certain: it was another process');
  const dmesg = await machine(t, { dmesg: '[   50.1] Out of memory: Killed process 71 (x)' });
  assert.equal(await dmesg.ask(null), 'machine');
  const counted = await machine(t, { kills: 4 });
  const before = await counted.mark();
  assert.equal(await counted.ask(before), null);
  await counted.tell({ kills: 5 });
  assert.equal(await counted.ask(before), 'machine');
  assert.equal(await counted.ask(null), null, 'the counter was not read before');
  assert.equal(await (await machine(t, {})).ask(null), null);
});

test('the log of this machine is read completely or not at all', async () => {
  const asked = { pid: 2 ** 30, startTime: '0', group: null, before: null, killed: true };
  assert.equal(await ranOutOfMemory(localRunner, asked), null);
});
