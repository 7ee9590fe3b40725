/** What clients do out of habit, through the whole server for applications. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { pino } from 'pino';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import { bodyStores } from '../bodies/body-stores.ts';
import type { FleetWorker } from '../fleet.ts';
import { Gateway, type GatewayOptions } from '../gateway.ts';
import { listening, type MemoryFleet, memoryFleet, until, workerWith } from '../testing.ts';
import { applicationApi } from './application-api.ts';
import type { ModelList } from './model-list.ts';
import { makeApplicationServer } from './server.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

interface Setup extends GatewayOptions {
  /** Paths of installed types. */
  servable?: string[];
  maxBytes?: number;
}

const queenFor = async (
  workers: (HiveWorker | FleetWorker)[],
  { servable = [], maxBytes = 4 * 1024 * 1024, ...options }: Setup = {},
) => {
  const fleet = memoryFleet(workers, { servable });
  const gateway = new Gateway(fleet, options);
  const health = () => ({ status: 'ok', name: 'queen', version: '0', pid: 1, instance: '', startedAt: '' }) as const;
  const folder = mkdtempSync(join(tmpdir(), 'rbee-habits-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const parts = { gateway, health, logger: pino({ level: 'silent' }), bodies: bodyStores(join(folder, 's'), maxBytes) };
  const app = makeApplicationServer(parts);
  await app.register(applicationApi(parts));
  await app.listen({ host: '127.0.0.1', port: 0 });
  undo.push(
    () => gateway.close(),
    () => app.close(),
  );
  const { port } = app.server.address() as AddressInfo;
  return { fleet, gateway, port, url: `http://127.0.0.1:${port}` };
};

interface Received {
  url: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A worker that answers `{"ok":true}`, and what it received. */
const engine = async (over: Partial<HiveWorker> = {}) => {
  const received: Received[] = [];
  const server = await listening(async (incoming, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    received.push({ url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(pieces) });
    response.setHeader('content-type', 'application/json').end('{"ok":true}');
  });
  undo.push(() => server.close());
  return { worker: workerWith({ id: 'a', port: server.port, ...over }), received };
};

const chatPath = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };
const demo = '{"model":"demo"}';
const post = (
  url: string,
  { headers = json as Record<string, string>, body = demo as string | Uint8Array<ArrayBuffer> } = {},
) => fetch(url, { method: 'POST', headers, body });

describe('paths', () => {
  it('reach the worker as they were meant', async () => {
    const { worker, received } = await engine();
    const { url } = await queenFor([worker]);
    for (const path of ['/chat/completions', '//v1/chat/completions', '/v1/chat/completions/', '/v1//chat/completions'])
      assert.equal((await post(url + path)).status, 200, path);
    assert.equal((await post(`${url}/chat/completions/?a=b`)).status, 200);
    const targets = received.map((one) => one.url);
    assert.deepEqual(targets, [chatPath, chatPath, chatPath, chatPath, `${chatPath}?a=b`]);
    for (const path of ['/models', '/v1/models/', '/models/demo', '//v1/models/demo'])
      assert.equal((await fetch(url + path)).status, 200, path);
  });

  it('that a worker declares are left alone', async () => {
    const serves = [
      { path: '/models', method: 'GET', kind: 'other' },
      { path: '/api/*', method: 'any', kind: 'other' },
    ] as const;
    const { worker, received } = await engine({ serves });
    const { url } = await queenFor([worker]);
    for (const path of ['/models', '/api/view/']) assert.equal((await fetch(url + path)).status, 200);
    assert.deepEqual(
      received.map((one) => one.url),
      ['/models', '/api/view/'],
    );
    assert.match(await (await fetch(`${url}/v1/models/`)).text(), /"object":"list"/);
  });

  it('do not exist where only a pattern of a type takes them and no such worker runs', async () => {
    const { worker } = await engine();
    const { url } = await queenFor([worker], { servable: ['/api/*', '/models', '/models/*', '/queue'] });
    for (const path of ['/api/tags', '/api/version', '/api/show']) {
      assert.equal((await fetch(url + path)).status, 404, path);
      assert.equal((await post(url + path, { body: '{}' })).status, 404, path);
    }
    assert.equal((await fetch(`${url}/models`)).status, 200);
    // This very path is declared, so what is missing is the worker.
    assert.equal((await fetch(`${url}/queue`)).status, 400);
  });

  it('have a root that says what this is', async () => {
    const { url } = await queenFor([]);
    for (const path of ['/', '//']) {
      assert.deepEqual(await (await fetch(url + path)).json(), {
        service: 'rbee',
        models: '/v1/models',
        health: '/health',
      });
      const head = await fetch(url + path, { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [200, '']);
    }
    assert.equal((await post(`${url}/`)).status, 404);
  });
});

describe('the name of a model', () => {
  it('may be an alias or have :latest after it, and the worker gets its own name', async () => {
    const { worker, received } = await engine();
    const aliases = new Map([['gpt-4o', 'demo']]);
    const { url } = await queenFor([worker], { aliases });
    for (const name of ['gpt-4o', 'gpt-4o:latest', 'demo:latest', 'demo'])
      assert.equal((await post(url + chatPath, { body: `{"model":"${name}","n":1}` })).status, 200, name);
    assert.deepEqual(new Set(received.map(({ body }) => body.toString())), new Set(['{"model":"demo","n":1}']));
    const refused = await post(url + chatPath, { body: '{"model":"gpt-4"}' });
    assert.equal(refused.status, 404);
    assert.match(await refused.text(), /did you mean gpt-4o/);
  });

  it('is found and replaced in a body on disk, in a form and in the query', async () => {
    const { worker, received } = await engine();
    const { url } = await queenFor([worker], { aliases: new Map([['mine', 'demo']]) });
    const text = 'x'.repeat(9 * 1024 * 1024);
    const small = await queenFor([worker], { aliases: new Map([['mine', 'demo']]), maxBytes: 16 * 1024 * 1024 });
    assert.equal((await post(small.url + chatPath, { body: `{"model":"mine","t":"${text}"}` })).status, 200);
    assert.equal(received.at(-1)?.body.toString(), `{"model":"demo","t":"${text}"}`);
    const form = new FormData();
    form.set('file', new Blob(['sound']), 'a.wav');
    form.set('model', 'mine');
    assert.equal((await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form })).status, 200);
    assert.match(received.at(-1)?.body.toString() ?? '', /name="model"\r\n\r\ndemo\r\n/);
    assert.equal((await fetch(`${url}/v1/things?model=mine`)).status, 200);
    assert.equal(received.at(-1)?.url, '/v1/things?model=demo');
  });
});

describe('the content type', () => {
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', ''];
  const send = async (port: number, headers: Record<string, string>, path = chatPath, body: string | Buffer = demo) => {
    const outgoing = request({ host: '127.0.0.1', port, method: 'POST', path, headers }).end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: response.statusCode, text: await text(response), headers: response.headers };
  };

  it('makes no difference to JSON that a program sends, and the worker is sent JSON', async () => {
    const { worker, received } = await engine();
    const { port } = await queenFor([worker]);
    for (const type of types) {
      const { status } = await send(port, type === '' ? {} : { 'content-type': type });
      assert.equal(status, 200, type);
      const { headers, body } = received.at(-1) as Received;
      assert.deepEqual([headers['content-type'], body.toString()], ['application/json', demo]);
    }
  });

  it('may name a charset, which is converted', async () => {
    const { worker, received } = await engine();
    const { port } = await queenFor([worker]);
    for (const [type, encoding] of [
      ['text/plain; charset=iso-8859-1', 'latin1'],
      ['text/plain;charset=UTF-8', 'utf8'],
    ] as const) {
      const body = Buffer.from('{"model":"demo","é":1}', encoding);
      assert.equal((await send(port, { 'content-type': type }, chatPath, body)).status, 200, type);
      const seen = received.at(-1) as Received;
      assert.deepEqual(
        [seen.headers['content-type'], seen.body.toString()],
        ['application/json', '{"model":"demo","é":1}'],
      );
    }
  });

  it('must be application/json in a request of a web page', async () => {
    const { worker, received } = await engine();
    const { port } = await queenFor([worker]);
    const pages: Record<string, string>[] = [{ origin: 'http://localhost:3000' }, { 'sec-fetch-site': 'same-origin' }];
    for (const page of pages) {
      for (const type of types) {
        const headers = type === '' ? page : { ...page, 'content-type': type };
        assert.equal((await send(port, headers)).status, 415, type);
      }
      assert.equal((await send(port, { ...page, 'content-type': 'application/json; charset=utf-8' })).status, 200);
    }
    assert.equal(received.length, 2);
  });

  it('is believed when it says that the body is something else', async () => {
    const { worker } = await engine({
      serves: [
        { path: chatPath, kind: 'chat' },
        { path: '/v1/notes', kind: 'other', accepts: ['text/plain'] },
      ],
    });
    const { port } = await queenFor([worker]);
    for (const type of ['audio/wav', 'image/png', 'multipart/form-data; boundary=b'])
      assert.equal((await send(port, { 'content-type': type })).status, 415, type);
    const refused = await send(port, {}, '/v1/notes?model=demo');
    assert.equal(refused.status, 415);
    assert.equal((await send(port, { 'content-type': 'text/plain' }, '/v1/notes?model=demo')).status, 200);
    const broken = await send(port, { 'content-type': 'image/png' });
    assert.match(broken.text, /send the body as application\/json/);
  });
});

describe('a compressed body', () => {
  it('reaches the worker as it was before', async () => {
    const { worker, received } = await engine();
    const { url } = await queenFor([worker]);
    for (const [encoding, body] of [
      ['gzip', gzipSync(demo)],
      ['deflate', deflateSync(demo)],
      ['br', brotliCompressSync(demo)],
      ['zstd', zstdCompressSync(demo)],
      ['identity', demo],
    ] as const) {
      const headers = { ...json, 'content-encoding': encoding };
      assert.equal((await post(url + chatPath, { headers, body: body as string })).status, 200, encoding);
      const seen = received.at(-1) as Received;
      assert.deepEqual([seen.body.toString(), seen.headers['content-length']], [demo, String(demo.length)]);
      if (encoding !== 'identity') assert.equal(seen.headers['content-encoding'], undefined);
    }
  });

  it('is refused when it is damaged, too large or in an unknown encoding, and the connection goes on', async () => {
    const { worker, received } = await engine();
    const { url } = await queenFor([worker]);
    const send = async (encoding: string, body: Uint8Array) => {
      const response = await post(url + chatPath, {
        headers: { ...json, 'content-encoding': encoding },
        body: body as Uint8Array<ArrayBuffer>,
      });
      return { status: response.status, accepts: response.headers.get('accept-encoding'), text: await response.text() };
    };
    const damaged = await send('gzip', Buffer.from(demo));
    assert.equal(damaged.status, 400);
    assert.match(damaged.text, /it is not gzip/);
    assert.equal((await send('gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024)))).status, 413);
    const unknown = await send('compress', Buffer.from(demo));
    assert.deepEqual([unknown.status, unknown.accepts], [415, 'gzip, deflate, br, zstd']);
    assert.match(unknown.text, /content encoding .{1,2}compress/);
    assert.equal((await send('gzip', gzipSync(demo))).status, 200);
    assert.equal(received.length, 1);
  });
});

/** Everything that the server sends until it closes the connection. */
const exchange = async (port: number, ...lines: string[]): Promise<string> => {
  const socket = connect(port, '127.0.0.1');
  undo.push(() => socket.destroy());
  socket.write(lines.join('\r\n'));
  return text(socket);
};

describe('HTTP/1.1', () => {
  it('needs a Host, and says so in the one shape', async () => {
    const { worker } = await engine();
    const { port } = await queenFor([worker]);
    const upgrade = ['connection: upgrade', 'upgrade: websocket'];
    for (const more of [[], upgrade]) {
      const answer = await exchange(port, 'GET /v1/things HTTP/1.1', ...more, 'connection: close', '', '');
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(answer, /x-request-id: /);
      assert.match(
        answer,
        /"message":"the request is not valid: it has no Host header","type":"invalid_request_error"/,
      );
    }
  });

  it('may expect what the server does not know', async () => {
    const { worker } = await engine();
    const { port } = await queenFor([worker]);
    const head = ['host: localhost', 'expect: miracles', 'connection: close', `content-length: ${demo.length}`];
    const answer = await exchange(port, `POST ${chatPath} HTTP/1.1`, ...head, '', demo);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe('HTTP/1.0', () => {
  it('needs no Host, and gets no chunks', async () => {
    const { worker } = await engine();
    const { port } = await queenFor([worker]);
    const length = `content-length: ${demo.length}`;
    const answer = await exchange(port, `POST ${chatPath} HTTP/1.0`, length, '', demo);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(answer, /transfer-encoding|keep-alive/i);
    assert.ok(answer.endsWith('\r\n\r\n{"ok":true}'), answer);
    assert.match(await exchange(port, 'GET /v1/models HTTP/1.0', '', ''), /"object":"list"/);
    assert.match(await exchange(port, 'HEAD / HTTP/1.0', '', ''), /^HTTP\/1\.1 200 OK\r\n[^{]*$/);
  });

  it('gets a stream until the connection ends', async () => {
    const events = ['data: {"n":1}\n\n', 'data: {"n":2}\n\n', 'data: [DONE]\n\n'];
    const server = await listening(async (incoming, response) => {
      for await (const _ of incoming);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events) {
        response.write(event);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      response.end();
    });
    undo.push(() => server.close());
    const { port } = await queenFor([workerWith({ port: server.port })]);
    const length = `content-length: ${demo.length}`;
    for (const more of [[], ['connection: keep-alive']]) {
      const answer = await exchange(port, `POST ${chatPath} HTTP/1.0`, length, ...more, '', demo);
      assert.ok(answer.endsWith(`\r\n\r\n${events.join('')}`), answer);
      assert.doesNotMatch(answer, /chunked/i);
    }
  });
});

describe('a request whose worker is not ready', () => {
  const change = (fleet: MemoryFleet, over: Partial<HiveWorker>, about: Partial<FleetWorker> = {}) => {
    fleet.list = fleet.list.map((one) => ({ ...one, ...about, worker: { ...one.worker, ...over } as HiveWorker }));
    fleet.changed();
  };
  const refusal = async (response: Response) => ({
    status: response.status,
    retry: response.headers.get('retry-after'),
    text: await response.text(),
  });

  it('waits while it starts, loads or restarts, and not only until something changes', async () => {
    const { worker, received } = await engine({ state: 'starting', port: null });
    const { fleet, gateway, url } = await queenFor([worker]);
    const answers = [1, 2, 3].map(() => post(url + chatPath));
    await until(() => gateway.waiting === 3, 'they wait');
    for (const state of ['loading', 'loading', 'unhealthy', 'starting'] as const) {
      change(fleet, { state });
      await until(() => gateway.waiting === 3, 'they still wait');
    }
    const ready = await engine();
    change(fleet, { state: 'ready', port: ready.worker.port });
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
    assert.deepEqual([received.length, ready.received.length, gateway.waiting], [0, 3, 0]);
  });

  it('fails as soon as the worker has failed for good, without Retry-After', async () => {
    const { worker } = await engine({ state: 'loading', port: null });
    const { fleet, gateway, url } = await queenFor([worker]);
    const answer = post(url + chatPath);
    await until(() => gateway.waiting === 1, 'it waits');
    change(fleet, { state: 'failed' });
    const { status, retry, text } = await refusal(await answer);
    assert.deepEqual([status, retry], [503, null]);
    assert.match(text, /a is failed.*see why with: rbee worker get a/);
    change(fleet, { state: 'stopped' });
    const stopped = await refusal(await post(url + chatPath));
    assert.deepEqual([stopped.status, stopped.retry], [503, null]);
    assert.match(stopped.text, /a is stopped.*start it with: rbee worker start a/);
  });

  it('fails after a while, with Retry-After', async () => {
    const { worker } = await engine({ state: 'loading', port: null });
    const { gateway, url } = await queenFor([worker], { maxWaitMs: 100 });
    const begun = performance.now();
    const { status, retry, text } = await refusal(await post(url + chatPath));
    assert.deepEqual([status, retry, gateway.waiting], [503, '2', 0]);
    assert.match(text, /a is loading/);
    assert.ok(performance.now() - begun >= 99);
  });

  it('ends when its client leaves', async () => {
    const { worker } = await engine({ state: 'loading', port: null });
    const { gateway, url } = await queenFor([worker]);
    const left = new AbortController();
    const answer = fetch(url + chatPath, { method: 'POST', headers: json, body: demo, signal: left.signal });
    await until(() => gateway.waiting === 1, 'it waits');
    left.abort();
    await assert.rejects(answer);
    await until(() => gateway.waiting === 0, 'it no longer waits');
  });

  it('waits for a worker that is held for a restart, and not for one that is being stopped', async () => {
    const { worker } = await engine();
    const { gateway, url } = await queenFor([worker]);
    gateway.hold('a');
    assert.equal((await refusal(await post(url + chatPath))).retry, null);
    gateway.release('a');
    gateway.hold('a', { returns: true });
    const answer = post(url + chatPath);
    await until(() => gateway.waiting === 1, 'it waits');
    gateway.release('a');
    assert.equal((await answer).status, 200);
  });

  it('waits while its machine is reconnected to', async () => {
    const { worker } = await engine();
    const { fleet, gateway, url } = await queenFor([{ key: 'a', worker, online: false, returning: true }]);
    const answer = post(url + chatPath);
    await until(() => gateway.waiting === 1, 'it waits');
    change(fleet, {}, { online: true, returning: false });
    assert.equal((await answer).status, 200);
    change(fleet, {}, { online: false });
    assert.equal((await refusal(await post(url + chatPath))).retry, null);
  });

  it('waits for a machine that is connected to for the first time, if no other serves the model', async () => {
    const { worker } = await engine();
    const { fleet, gateway, url } = await queenFor([worker]);
    fleet.gathering = true;
    assert.equal((await post(url + chatPath)).status, 200);
    const answers = ['far', 'nope'].map((model) => post(url + chatPath, { body: `{"model":"${model}"}` }));
    await until(() => gateway.waiting === 2, 'they wait');
    const far = await engine({ id: 'far', names: ['far'] });
    fleet.list = [...fleet.list, { key: 'pi/far', worker: far.worker, online: true }];
    fleet.changed();
    assert.equal((await answers[0])?.status, 200);
    assert.equal(gateway.waiting, 1);
    fleet.gathering = false;
    fleet.changed();
    assert.equal((await answers[1])?.status, 404);
  });

  it('waits for the next process of a worker that has ended unnoticed', async () => {
    const closed = await listening(() => {});
    await closed.close();
    const { fleet, gateway, url } = await queenFor([workerWith({ id: 'a', port: closed.port })]);
    const answer = post(url + chatPath);
    await until(() => gateway.waiting === 1, 'it waits for news');
    change(fleet, { state: 'starting', port: null, pid: null });
    await until(() => gateway.waiting === 1, 'it waits for the worker');
    change(fleet, { state: 'ready', port: (await engine()).worker.port, pid: 1 });
    assert.equal((await answer).status, 200);
  });

  it('is not sent again after it was with a worker that then ended', async () => {
    let requests = 0;
    const server = await listening((incoming) => {
      requests += 1;
      change(fleet, { state: 'starting' });
      incoming.socket.destroy();
    });
    undo.push(() => server.close());
    const { fleet, gateway, url } = await queenFor([workerWith({ id: 'a', port: server.port })]);
    const { status, retry } = await refusal(await post(url + chatPath));
    assert.deepEqual([status, retry, requests, gateway.waiting], [503, '2', 1, 0]);
  });
});

describe('the list of models', () => {
  const list = async (url: string, query = '') => (await (await fetch(`${url}/v1/models${query}`)).json()) as ModelList;

  it('has what clients of both APIs read, and the same object for one model', async () => {
    const abilities = { vision: true, tools: false, contextLength: 8192 };
    const { url } = await queenFor([workerWith({ id: 'a', names: ['org/demo', 'b'], abilities })], {
      aliases: new Map([
        ['gpt-4o', 'org/demo'],
        ['gone', 'nope'],
      ]),
    });
    const { data, ...rest } = await list(url, '?limit=1&after_id=b');
    assert.deepEqual(rest, { object: 'list', has_more: false, first_id: 'b', last_id: 'org/demo' });
    assert.deepEqual(
      data.map(({ id, alias_of }) => [id, alias_of]),
      [
        ['b', undefined],
        ['gpt-4o', 'org/demo'],
        ['org/demo', undefined],
      ],
    );
    const expected = {
      object: 'model',
      created: 1767225601,
      owned_by: 'fake',
      type: 'model',
      created_at: '2026-01-01T00:00:01.000Z',
      state: 'ready',
      capabilities: ['completion', 'embedding', 'transcription', 'vision'],
      context_length: 8192,
      abilities,
    };
    assert.deepEqual(data[2], { id: 'org/demo', display_name: 'org/demo', ...expected });
    assert.deepEqual(data[1], { id: 'gpt-4o', display_name: 'gpt-4o', alias_of: 'org/demo', ...expected });
    for (const [name, id] of [
      ['org/demo', 'org/demo'],
      ['org%2Fdemo', 'org/demo'],
      ['B', 'b'],
      ['b:latest', 'b'],
      ['gpt-4o', 'gpt-4o'],
    ] as const)
      assert.deepEqual(
        await (await fetch(`${url}/v1/models/${name}`)).json(),
        data.find((one) => one.id === id),
        name,
      );
    for (const name of ['gone', 'nope', 'gpt-4o/x', '%'])
      assert.ok([400, 404].includes((await fetch(`${url}/v1/models/${name}`)).status), name);
  });

  it('has what a request would wait for, and not what is stopped or has failed for good', async () => {
    const states = [
      'stopped',
      'failed',
      'draining',
      'stopping',
      'starting',
      'loading',
      'unhealthy',
      'sleeping',
      'ready',
    ];
    const workers = states.map((state) =>
      workerWith({ id: state, names: [state], state: state as HiveWorker['state'], startedAt: null, readyAt: null }),
    );
    const offline = [true, false].map((returning) => ({
      key: `hive/${returning}`,
      worker: workerWith({ names: [`returning ${returning}`] }),
      online: false,
      returning,
    }));
    const { url } = await queenFor([...workers, ...offline]);
    const { data } = await list(url);
    assert.deepEqual(
      data.map(({ id, state }) => [id, state]),
      [
        ['loading', 'loading'],
        ['ready', 'ready'],
        ['returning true', 'loading'],
        ['sleeping', 'sleeping'],
        ['starting', 'loading'],
        ['unhealthy', 'loading'],
      ],
    );
    assert.deepEqual(await list(url), { ...(await list(url)), data });
  });

  it('is empty without workers', async () => {
    const { url } = await queenFor([]);
    assert.deepEqual(await list(url), { object: 'list', data: [], has_more: false, first_id: null, last_id: null });
  });
});
