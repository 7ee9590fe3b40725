import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parseRow, socketOwner } from './socket-owner.ts';

const skip = process.platform !== 'linux' && 'reads /proc';

const listen = async (t: TestContext, host: string): Promise<number> => {
  const server = createServer().listen(0, host);
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
};

test('a listening socket belongs to its process, whichever address it is bound to', { skip }, async (t) => {
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    const port = await listen(t, host);
    assert.equal(await socketOwner(port, process.pid, async () => []), 'group', host);
  }
});

test('it belongs to the group when a child listens', { skip }, async (t) => {
  const port = await listen(t, '127.0.0.1');
  assert.equal(await socketOwner(port, process.ppid, async () => [process.ppid, process.pid]), 'group');
});

test('a socket of another program is a stranger’s, and an unused port has no owner', { skip }, async (t) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.after(() => child.kill('SIGKILL'));
  const port = await listen(t, '127.0.0.1');
  assert.equal(await socketOwner(port, child.pid ?? 0, async () => []), 'stranger');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await socketOwner(free, process.pid, async () => []), 'none');
});

test('only rows for loopback and any address count, and the first connection ends the reading', () => {
  const row = (local: string, state = '0A') =>
    `   1: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  0  0 4711 1 0 100`;
  assert.deepEqual(parseRow(row('0100007F:0050'), 80), { inode: '4711', rank: 0 });
  assert.deepEqual(parseRow(row('0000000000000000FFFF00000100007F:0050'), 80), { inode: '4711', rank: 0 });
  assert.deepEqual(parseRow(row('00000000:0050'), 80), { inode: '4711', rank: 1 });
  assert.deepEqual(parseRow(row(`${'0'.repeat(32)}:0050`), 80), { inode: '4711', rank: 2 });
  assert.equal(parseRow(row('0A01A8C0:0050'), 80), null);
  assert.equal(parseRow(row('0100007F:0051'), 80), null);
  assert.equal(parseRow(row('0100007F:0050', '01'), 80), 'connection');
  assert.equal(parseRow('  sl  local_address rem_address   st', 80), null);
  assert.equal(parseRow('', 80), null);
});

// An engine that had just exited because its port was taken became ready: the owner of the port answered instead.
test('a process that has ended but is not collected yet owns nothing, also for an ordinary user', {
  skip,
}, async (t) => {
  const port = await listen(t, '127.0.0.1');
  const look = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `
    import { spawn } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    const { socketOwner } = await import(${JSON.stringify(new URL('./socket-owner.ts', import.meta.url).href)});
    if (process.getuid() === 0) process.seteuid(65_534);
    const { pid } = spawn('/bin/true');
    // Nothing awaits in between: the process is collected with the next turn of the loop.
    while (!/\\) Z /.test(readFileSync('/proc/' + pid + '/stat', 'utf8')));
    console.log(await socketOwner(${port}, pid, async () => []));
    `,
  ]);
  let printed = '';
  for (const stream of [look.stdout, look.stderr]) stream.on('data', (piece) => (printed += piece));
  await once(look, 'close');
  assert.match(printed, /^stranger$/m);
});
