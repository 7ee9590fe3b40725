/** Sockets through an SSH connection behave like sockets, and break when their connection does. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { SshConnection } from '../../core/ssh/connection.ts';
import type { TunnelSocket } from '../../core/ssh/tunnel-socket.ts';
import { agentParts, nodeOf, placeAgent } from '../harness/agents.ts';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { reach } from '../harness/reach.ts';
import { atFullScale, until } from '../harness/until.ts';

/** Does what the first line that it receives says, on a port and on a unix socket. */
const program = `
import { createHash } from 'node:crypto';
import { createServer as createWeb } from 'node:http';
import { createServer } from 'node:net';
let sent = 0;
let open = 0;
const serve = (socket) => {
  open += 1;
  socket.on('close', () => { open -= 1; });
  socket.on('error', () => {});
  socket.once('data', (first) => {
    const end = first.indexOf(10);
    const [word, size] = first.toString('latin1', 0, end).split(' ');
    socket.unshift(first.subarray(end + 1));
    if (word === 'echo') socket.pipe(socket);
    if (word === 'hash') {
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk)).on('end', () => socket.end(hash.digest('hex')));
    }
    if (word === 'source') {
      let left = Number(size);
      const chunk = Buffer.alloc(65536, 'x');
      const more = () => {
        while (left > 0) {
          left -= chunk.length;
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      more();
    }
    if (word === 'deaf') socket.pause();
    if (word === 'half') { socket.write('half'); socket.pause(); }
    if (word === 'hangup') { socket.pause(); setTimeout(() => socket.destroy(), 100); }
    if (word === 'counts') socket.end(JSON.stringify({ sent, open }));
  });
};
const options = { allowHalfOpen: true };
createServer(options, serve).listen('/tmp/t.sock', () => {
  const tcp = createServer(options, serve).listen(0, '127.0.0.1', () => {
    const web = createWeb((incoming, outgoing) => {
      if (incoming.url === '/stream') {
        outgoing.write('data: one\\n\\n');
        return;
      }
      incoming.pipe(outgoing);
    }).listen(0, '127.0.0.1', () => console.log(tcp.address().port + ' ' + web.address().port));
  });
});
`;

describe('tunnels', { skip: cannot('network') }, () => {
  let machines: Machines;
  let box: Host;
  let port: number;
  let webPort: number;
  before(async () => {
    machines = await createMachines({ hosts: ['box', { name: 'lab', behind: 'box' }] });
    [box] = machines.hosts as [Host];
    await placeAgent(box);
    writeFileSync(box.path('server.mjs'), program);
    await box.run(`setsid "${nodeOf(box)}" server.mjs > ports 2> errors < /dev/null &`);
    const line = await until(async () => (await box.run('cat ports')).stdout.trim() || null, {
      what: agentParts.agent,
    });
    [port, webPort] = line.split(' ').map(Number) as [number, number];
  });
  after(() => machines.close());

  const connect = (t: TestContext): Promise<SshConnection> => reach(t, machines).connect('box');
  const say = async (connection: SshConnection, line: string): Promise<TunnelSocket> => {
    const socket = await connection.dialPort(port);
    socket.write(`${line}\n`);
    return socket;
  };
  const counts = async (connection: SshConnection): Promise<{ sent: number; open: number }> =>
    JSON.parse(await text(await say(connection, 'counts')));

  test('closing one half leaves the other open', async (t) => {
    const connection = await connect(t);
    for (const socket of [await connection.dialPort(port), await connection.dialSocket('/tmp/t.sock')]) {
      const data = randomBytes(300_000);
      socket.write('hash\n');
      socket.end(data);
      assert.equal(await text(socket), createHash('sha256').update(data).digest('hex'));
      if (!socket.closed) await once(socket, 'close');
    }
  });

  test('large transfers in both directions at once arrive byte for byte', async (t) => {
    const connection = await connect(t);
    const data = randomBytes(24 * 2 ** 20);
    const socket = await say(connection, 'echo');
    const back = buffer(socket);
    for (let at = 0; at < data.length; at += 100_000) {
      if (!socket.write(data.subarray(at, at + 100_000))) await once(socket, 'drain');
    }
    socket.end();
    assert.ok((await back).equals(data));
  });

  test('a reader that stops reading slows down only its own sender', async (t) => {
    const connection = await connect(t);
    const before = (await counts(connection)).sent;
    const socket = await say(connection, `source ${64 * 2 ** 20}`);
    await once(socket, 'readable');
    const sentThen = async () => (await counts(connection)).sent - before;
    // The channel window and the system's buffers fill up, then the count stops.
    let last = -1;
    await until(async () => {
      const now = await sentThen();
      const rests = now === last;
      last = now;
      return rests;
    });
    assert.ok(last < 24 * 2 ** 20, `${last} bytes were taken`);
    assert.ok(socket.readableLength <= 2 ** 20, `${socket.readableLength}`);
    let size = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) size += chunk.length;
    assert.equal(size, 64 * 2 ** 20);
  });

  test('a remote receiver that stops reading slows down the writer', async (t) => {
    const connection = await connect(t);
    const socket = await say(connection, 'deaf');
    socket.on('error', () => {});
    const chunk = Buffer.alloc(2 ** 20);
    let taken = 0;
    const write = () =>
      socket.write(chunk, (error) => {
        if (!error) taken += 1;
      });
    for (let nth = 0; nth < 64; nth += 1) write();
    let last = -1;
    await until(async () => {
      await counts(connection);
      const rests = taken === last;
      last = taken;
      return rests;
    });
    assert.ok(taken < 24, `${taken} MiB were taken`);
    socket.destroy();
  });

  test('two hundred sockets work at once', async (t) => {
    const connection = await connect(t);
    const before = (await counts(connection)).open;
    const all = await Promise.all(
      Array.from({ length: 200 }, async (_, nth) => {
        const socket = nth % 2 ? await connection.dialPort(port) : await connection.dialSocket('/tmp/t.sock');
        const data = randomBytes(20_000);
        socket.write('echo\n');
        socket.end(data);
        return (await buffer(socket)).equals(data);
      }),
    );
    assert.ok(all.every(Boolean));
    await until(async () => (await counts(connection)).open === before, { what: 'the end of all of them' });
  });

  test('destroying one end closes the other, and a remote close is an error for a writer', async (t) => {
    const connection = await connect(t);
    const before = (await counts(connection)).open;
    const socket = await say(connection, 'echo');
    await until(async () => (await counts(connection)).open === before + 1);
    socket.destroy();
    await until(async () => (await counts(connection)).open === before);
    const writing = await say(connection, 'hangup');
    const broken = once(writing, 'error');
    broken.catch(() => {});
    writing.write(Buffer.alloc(16 * 2 ** 20));
    const [error] = (await broken) as unknown as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
  });

  /** Resolves with how a socket ends: `end`, `close`, or the code of an error. */
  const endOf = (socket: Duplex): Promise<string> =>
    new Promise((resolve) => {
      socket.on('end', () => resolve('end'));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on('close', () => resolve('close'));
      socket.resume();
    });

  test('when the connection is lost they break instead of ending normally', async (t) => {
    const connection = await connect(t);
    const sockets = await Promise.all(
      ['half', 'half', 'echo', 'deaf', `source ${2 ** 40}`].map((line) => say(connection, line)),
    );
    const halves = sockets.slice(0, 2).map((socket) => once(socket, 'readable'));
    await Promise.all(halves);
    const ends = sockets.map(endOf);
    await box.stopSshd({ connections: 'cut' });
    assert.deepEqual(await Promise.all(ends), Array(5).fill('ECONNRESET'));
    await box.startSshd();
  });

  test('they break as well when it is closed on purpose or its jump host is lost', async (t) => {
    const first = await connect(t);
    const one = endOf(await say(first, 'half'));
    first.close();
    assert.equal(await one, 'ECONNRESET');
    const behind = await reach(t, machines).connect('lab');
    // The machine's own sshd talks first, and then waits.
    const socket = await behind.dialPort(22);
    await once(socket, 'readable');
    const end = endOf(socket);
    await box.stopSshd({ connections: 'cut' });
    assert.equal(await end, 'ECONNRESET');
    await box.startSshd();
  });

  const ask = (connection: SshConnection, path: string, body = ''): Promise<IncomingMessage> =>
    connection.dialPort(webPort).then(
      (socket) =>
        new Promise((resolve, reject) => {
          const outgoing = httpRequest({ path, method: 'POST', createConnection: () => socket as never }, resolve);
          outgoing.on('error', reject);
          outgoing.end(body);
        }),
    );

  test('HTTP works, and an interrupted stream is an error', async (t) => {
    const connection = await connect(t);
    const body = 'x'.repeat(1_000_000);
    assert.equal(await text(await ask(connection, '/', body)), body);
    const stream = await ask(connection, '/stream');
    assert.equal(String((await once(stream, 'data'))[0]), 'data: one\n\n');
    const broken = once(stream, 'error');
    await box.stopSshd({ connections: 'cut' });
    assert.equal(((await broken) as unknown as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
    await box.startSshd();
  });

  test('a link that goes down silently breaks them too', {
    skip: atFullScale,
  }, async (t) => {
    const connection = await connect(t);
    const idle = endOf(await say(connection, 'half'));
    const busy = endOf(await say(connection, 'echo'));
    await box.linkDown();
    assert.deepEqual(await Promise.all([idle, busy]), ['ECONNRESET', 'ECONNRESET']);
    assert.equal(connection.isOpen, false);
    await box.linkUp();
    const again = () => connect(t).then(({ isOpen }) => isOpen);
    await until(() => again().catch(() => false), { what: 'the connection to it' });
  });
});
