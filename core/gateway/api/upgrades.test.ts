/** WebSockets through the loopback port, with bare sockets at both ends: they can do what a well-behaved client never does. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { pino } from 'pino';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import { KeyRing } from '../access/key-ring.ts';
import { UseLimits } from '../access/limits.ts';
import { BodyMemory } from '../bodies/body-memory.ts';
import { bodyLimits } from '../bodies/limits.ts';
import { Spool } from '../bodies/spool.ts';
import { Gateway } from '../gateway.ts';
import { memoryFleet, memoryKeys, until, workerWith } from '../testing.ts';
import { listenForApplications } from './server.ts';

const limits = bodyLimits(1024 ** 2);
const allowedOrigins = ['http://localhost:3000'];
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

/** One end of a connection, with everything that it has received. */
class End {
  readonly socket: Socket;
  ended = false;
  closed = false;
  #pieces: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => this.#pieces.push(piece));
    socket.on('error', () => {});
    socket.once('end', () => {
      this.ended = true;
    });
    socket.once('close', () => {
      this.closed = true;
    });
    undo.push(() => socket.destroy());
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }
}

/** A worker that speaks bare TCP: the test reads what it receives and decides what it sends. */
const bareWorker = async (over: Partial<HiveWorker> = {}) => {
  const ends: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void ends.push(new End(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const serves = [{ path: '/ws', method: 'GET', kind: 'other' }] as const;
  const heard = async (): Promise<End> => {
    await until(() => ends.at(-1)?.text.includes('\r\n\r\n') === true, 'the worker heard of it');
    return ends.at(-1) as End;
  };
  return { worker: workerWith({ id: 'bare-1', port, serves, ...over }), heard, ends };
};

const queenFor = (...workers: HiveWorker[]) => queenWith(workers);

const queenWith = async (workers: readonly HiveWorker[], keys = new KeyRing(memoryKeys())) => {
  const gateway = new Gateway(memoryFleet(workers), { maxWaitMs: 50 });
  const health = () => ({ status: 'ok', name: 'queen', version: '0', pid: 1, instance: '', startedAt: '' }) as const;
  const { apps, urls } = await listenForApplications(
    {
      gateway,
      health,
      logger: pino({ level: 'silent' }),
      bodies: { memory: new BodyMemory(), spool: new Spool('/nowhere'), limits },
      limits: new UseLimits(),
    },
    {
      addresses: [{ host: '127.0.0.1', port: 0, tls: false }],
      tls: null,
      rules: { keys: 'auto', allowedHosts: [], allowedOrigins, ownNames: [] },
      keys,
      conf: 'rbee.conf',
    },
  );
  const [app, url] = [apps[0]!, urls[0]!];
  undo.push(
    () => gateway.close(),
    () => app.close(),
  );
  return { app, gateway, port: Number(new URL(url).port) };
};

const open = async (
  port: number,
  more: readonly string[] = [],
  first = 'GET /ws?clientId=me HTTP/1.1',
): Promise<End> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const end = new End(socket);
  await once(socket, 'connect');
  const host = more.some((line) => /^host:/i.test(line)) ? [] : [`host: 127.0.0.1:${port}`];
  const lines = [first, ...host, 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-key: a2V5', ...more];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return end;
};

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: yes\r\n\r\n';

/** Both ends of a connection that has switched. */
const joined = async () => {
  const { worker, heard, ends } = await bareWorker();
  const queen = await queenFor(worker);
  const client = await open(queen.port);
  const there = await heard();
  there.socket.write(switching);
  await until(() => client.text.endsWith('\r\n\r\n'), 'the client heard that it has switched');
  return { ...queen, client, there, ends, head: client.text.length };
};

describe('a WebSocket through the gateway', () => {
  it("is passed on with its path and the worker's key, and both sides get every byte of the other", async () => {
    const { worker, heard } = await bareWorker();
    const { port } = await queenFor(worker);
    const client = await open(port, [
      'authorization: Bearer mine',
      'origin: http://localhost:3000',
      'sec-fetch-site: x',
      'x-request-id: trace-9',
    ]);
    client.socket.write('early');
    const there = await heard();
    assert.match(there.text, /^GET \/ws\?clientId=me HTTP\/1\.1\r\n/);
    assert.match(there.text, /\r\nauthorization: Bearer secret-of-the-worker\r\n/i);
    assert.match(there.text, /\r\nupgrade: websocket\r\n/i);
    assert.match(there.text, /\r\nsec-websocket-key: a2V5\r\n/i);
    assert.match(there.text, /\r\nx-request-id: trace-9\r\n/i);
    assert.doesNotMatch(there.text, /mine|localhost:3000/);
    const noise = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * 31 + (at >> 8)) % 256));
    there.socket.write(Buffer.concat([Buffer.from(switching), noise]));
    await until(() => client.text.includes('\r\n\r\n'), 'the head');
    const head = client.text.indexOf('\r\n\r\n') + 4;
    assert.match(client.text.slice(0, head), /^HTTP\/1\.1 101 /);
    assert.match(client.text.slice(0, head), /\r\nx-request-id: trace-9\r\n/);
    assert.match(client.text.slice(0, head), /sec-websocket-accept: yes\r\n/);
    assert.match(client.text.slice(0, head), /x-rbee-worker: bare-1\r\n/);
    await until(() => client.bytes.length === head + noise.length, 'all bytes for the client');
    assert.ok(client.bytes.subarray(head).equals(noise));
    const start = there.text.indexOf('\r\n\r\n') + 4;
    client.socket.write(noise);
    await until(() => there.bytes.length === start + 5 + noise.length, 'all bytes for the worker');
    assert.ok(there.bytes.subarray(start).equals(Buffer.concat([Buffer.from('early'), noise])));
  });

  it('can be ended by one side while the other continues', async () => {
    for (const first of ['client', 'there'] as const) {
      const both = await joined();
      const [one, other] = first === 'client' ? [both.client, both.there] : [both.there, both.client];
      one.socket.end('last words');
      await until(() => other.ended, 'the other side heard the end');
      assert.ok(other.text.endsWith('last words'));
      other.socket.write('and more');
      await until(() => one.text.endsWith('and more'), 'what came after it');
      assert.equal(both.gateway.inFlight('bare-1'), 1);
      other.socket.end();
      await until(() => one.closed && other.closed, 'both are closed');
      await until(() => both.gateway.inFlight('bare-1') === 0, 'it is counted no more');
    }
  });

  it('ends on both sides when one breaks off', async () => {
    for (const first of ['client', 'there'] as const) {
      const both = await joined();
      const [one, other] = first === 'client' ? [both.client, both.there] : [both.there, both.client];
      one.socket.resetAndDestroy();
      await until(() => other.closed || other.ended, 'the other side heard of it');
      other.socket.destroy();
      await until(() => both.gateway.inFlight('bare-1') === 0, 'it is counted no more');
    }
  });

  it("counts as a request of its worker, and is cut with the worker's other requests", async () => {
    const { gateway, client, there } = await joined();
    assert.equal(gateway.inFlight('bare-1'), 1);
    gateway.hold('bare-1');
    await gateway.drain({ key: 'bare-1', id: 'bare-1' }, { now: true });
    await until(() => client.ended && there.ended, 'both have heard the end');
    await until(() => gateway.inFlight('bare-1') === 0, 'it is counted no more');
  });

  it('does not keep the server from closing', async () => {
    const { app, client, there } = await joined();
    await app.close();
    await until(() => client.ended && there.ended, 'both have heard the end');
  });

  it('is cancelled at the worker if the client gives up before the answer', async () => {
    const { worker, heard } = await bareWorker();
    const { port, gateway } = await queenFor(worker);
    const client = await open(port);
    const there = await heard();
    client.socket.resetAndDestroy();
    await until(() => there.closed || there.ended, 'the worker heard of it');
    await until(() => gateway.inFlight('bare-1') === 0, 'it is counted no more');
  });
});

describe('a WebSocket that is not accepted', () => {
  it("gets the worker's answer", async () => {
    const { worker, heard } = await bareWorker();
    const { port } = await queenFor(worker);
    const client = await open(port);
    (await heard()).socket.end('HTTP/1.1 426 Upgrade Required\r\nx-own: yes\r\ncontent-length: 4\r\n\r\nnope');
    await until(() => client.ended, 'the answer');
    assert.match(client.text, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assert.match(client.text, /\r\nx-own: yes\r\n/);
    assert.match(client.text, /\r\nx-rbee-worker: bare-1\r\n/);
    assert.ok(client.text.endsWith('nope'));
  });

  it('gets an error if the worker breaks off or none is ready', async () => {
    const { worker, ends } = await bareWorker();
    const { port } = await queenFor(worker);
    const client = await open(port);
    // Tried twice, because an idle connection that was just closed looks the same.
    for (const count of [1, 2]) {
      await until(() => ends.length === count, 'the worker was asked');
      ends[count - 1]?.socket.destroy();
    }
    await until(() => client.ended, 'the answer');
    assert.match(client.text, /^HTTP\/1\.1 502 [\s\S]*"code":"worker_connection_lost"/);
    const stopped = await queenFor(workerWith({ state: 'loading', serves: worker.serves }));
    const early = await open(stopped.port);
    await until(() => early.ended, 'the answer');
    assert.match(early.text, /^HTTP\/1\.1 503 [\s\S]*"code":"no_ready_worker"/);
  });

  it('is refused to web pages and for other host names', async () => {
    const { worker, ends } = await bareWorker();
    const { port } = await queenFor(worker);
    for (const line of ['origin: https://evil.example', 'host: evil.example', 'sec-fetch-site: cross-site']) {
      const client = await open(port, [line]);
      await until(() => client.text.includes('forbidden_origin'), line);
      assert.match(client.text, /^HTTP\/1\.1 403 /);
    }
    assert.equal(ends.length, 0);
  });

  it('is answered as plain HTTP on other paths and for other protocols', async () => {
    const { worker, heard } = await bareWorker({
      serves: [
        { path: '/ws', method: 'GET', kind: 'other' },
        { path: '/v1/chat/completions', kind: 'chat' },
      ],
    });
    const { port } = await queenFor(worker);
    const lost = await open(port, [], 'GET /nothing HTTP/1.1');
    await until(() => lost.text.includes('not_found'), 'the answer');
    const own = await open(port, [], 'GET /health HTTP/1.1');
    await until(() => own.text.includes('"status":"ok"'), 'the answer');
    // Java's HTTP client requests HTTP/2 like this with every request.
    const body = '{"model":"demo"}';
    const socket = connect({ port, host: '127.0.0.1' });
    const java = new End(socket);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEA\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const there = await heard();
    there.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone');
    await until(() => java.text.endsWith('done'), 'the answer');
    assert.doesNotMatch(there.text, /h2c/);
  });

  it('counts as a request of its key, and ends when the key expires', async () => {
    const { worker, heard } = await bareWorker();
    const key = `rbee_abcdefgh_${'x'.repeat(43)}`;
    const keys = new KeyRing(memoryKeys());
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const hash = createHash('sha256').update(key).digest('hex');
    await keys.create({ id: 'abcdefgh', name: 'app', scope: 'infer', hash, maxConcurrent: 1, expiresAt });
    const { port } = await queenWith([worker], keys);
    const first = await open(port, [`authorization: Bearer ${key}`]);
    (await heard()).socket.write(switching);
    await until(() => first.text.includes(' 101 '), 'it has switched');
    const second = await open(port, [`authorization: Bearer ${key}`]);
    await until(() => second.ended, 'the answer');
    assert.match(second.text, /^HTTP\/1\.1 429 [\s\S]*retry-after: 1\r\n/i);
    await until(() => first.closed || first.ended, 'the key has expired');
  });
});
