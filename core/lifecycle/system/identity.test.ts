import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { eventually } from '../process/testing.ts';
import { processTable, sameProcess } from './identity.ts';
import { darwinProcesses, parseBootTime, parseProcesses } from './identity-darwin.ts';
import { parseCpuMs, parseStat } from './identity-linux.ts';

test('a process is identified by PID, start time and boot, and null when it is gone', async (t) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    env: { MARK: 'here-i-am' },
    detached: true,
  });
  t.after(() => child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const table = await processTable();
  const identity = await eventually(() => table.identity(pid));
  assert.equal(identity.group, pid);
  assert.equal(identity.bootId, await table.bootId());
  assert.ok(sameProcess(identity, await table.identity(pid)));
  assert.ok(!sameProcess(identity, await table.identity(process.pid)));
  assert.ok(!sameProcess(identity, { ...identity, bootId: 'another boot' }));
  assert.ok(!sameProcess(null, null));
  assert.deepEqual(await table.groupMembers(pid), [pid]);
  assert.deepEqual(
    (
      await eventually(async () => {
        const found = await table.findByEnvironment('MARK', 'here-i-am');
        return found.length > 0 && found;
      })
    ).map((found) => found.pid),
    [pid],
  );
  assert.deepEqual(await table.findByEnvironment('MARK', 'here-i'), []);
  const description = await table.describe(pid);
  assert.equal(description?.argv[1], '-e');
  assert.ok(Math.abs((description?.startedAt ?? 0) - Date.now()) < 60_000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await table.identity(pid), null);
  assert.equal(await table.describe(pid), null);
  assert.deepEqual(await table.groupMembers(pid), []);
});

test('the name of a process can contain spaces and parentheses', () => {
  const fields = Array.from({ length: 40 }, (_, index) => String(index)).join(' ');
  assert.deepEqual(parseStat(`12 (a) S (b c) R 1 12 ${fields}`), { state: 'R', group: 12, startTime: '16' });
  assert.equal(parseStat('12 (cut'), null);
  assert.equal(parseCpuMs(`12 (a) S (b c) R 1 12 ${fields}`), (8 + 9) * 10);
});

test('a zombie is not alive', { skip: process.platform !== 'linux' && 'reads /proc' }, async (t) => {
  // A shell that never waits: its child stays behind as a zombie.
  const parent = spawn('/bin/sh', ['-c', '(exec sleep 0.5) & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(String(line));
  const table = await processTable();
  await eventually(async () => (await table.identity(pid)) === null);
  assert.ok(process.kill(pid, 0), 'it still has its PID');
});

const psOutput = `    1     1 Ss   Mon Nov 17 09:12:01 2025     /sbin/launchd
  812   812 S    Tue Nov 18 10:00:00 2025     /usr/local/bin/node worker.js RBEE_RUN_NONCE=abc HOME=/Users/a
  813   812 S+   Tue Nov 18 10:00:01 2025     child RBEE_RUN_NONCE=abcd
  900   900 Z    Tue Nov 18 10:00:02 2025     (node)
`;

test('processes of a Mac come from ps, without zombies', async () => {
  const asked: string[] = [];
  const table = darwinProcesses(async (program, args) => {
    asked.push([program, ...args].join(' '));
    if (program.endsWith('sysctl')) return '{ sec = 1763370000, usec = 4711 } Mon Nov 17 09:00:00 2025\n';
    const pid = args[args.indexOf('-p') + 1];
    return args.includes('-p')
      ? psOutput
          .split('\n')
          .filter((row) => row.trim().startsWith(`${pid} `))
          .join('\n')
      : psOutput;
  });
  assert.deepEqual(await table.identity(812), {
    pid: 812,
    group: 812,
    startTime: 'Tue Nov 18 10:00:00 2025',
    bootId: '1763370000',
  });
  assert.equal(await table.identity(900), null);
  assert.equal(await table.identity(4), null);
  assert.deepEqual(await table.groupMembers(812), [812, 813]);
  assert.deepEqual(
    (await table.findByEnvironment('RBEE_RUN_NONCE', 'abc')).map(({ pid }) => pid),
    [812],
  );
  assert.ok((await table.environment(812))?.includes('RBEE_RUN_NONCE=abc'));
  assert.equal(await table.environment(4), null);
  assert.equal((await table.describe(812))?.argv[0], '/usr/local/bin/node');
  assert.equal(await table.describe(4), null);
  assert.equal(asked.filter((command) => command.includes('sysctl')).length, 1, 'the boot time is read once');
});

test('unexpected output of ps or sysctl counts as none and is not an error', async () => {
  assert.deepEqual(parseProcesses('garbage\n\n', 'b'), []);
  assert.equal(parseBootTime(''), 'unknown');
  assert.equal(await darwinProcesses(async () => '').identity(1), null);
});

test('a missing or failing program gives no output', {
  skip: process.platform === 'darwin' && 'these programs exist there',
}, async () => {
  assert.equal(await darwinProcesses().bootId(), 'unknown');
});
