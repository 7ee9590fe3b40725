import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import fastify from 'fastify';
import { pino } from 'pino';
import type { HiveWorker } from '../contract/api/hive-api.ts';
import { applicationApi } from './api/application-api.ts';
import { guard } from './api/guard.ts';
import { makeApplicationServer } from './api/server.ts';
import { BodyMemory } from './bodies/body-memory.ts';
import { bodyLimits } from './bodies/limits.ts';
import { Spool } from './bodies/spool.ts';
import type { FleetWorker } from './fleet.ts';
import { Gateway } from './gateway.ts';
import { listening, memoryFleet, type TestServer, until, workerWith } from './testing.ts';

/** Bodies above 256 KiB go to disk. */
const limits = { ...bodyLimits(64 * 1024 * 1024), maxMemoryBytes: 256 * 1024 };

type Listener = Parameters<typeof listening>[0];
interface Fake extends TestServer {
  worker: HiveWorker;
}

const open: { close(): unknown }[] = [];
const closeAll = async () => {
  for (const one of open.splice(0).reverse()) await one.close();
};
afterEach(closeAll);
after(closeAll);

const fakeWorker = async (id: string, listener: Listener, over: Partial<HiveWorker> = {}): Promise<Fake> => {
  const server = await listening(listener);
  open.push(server);
  return { ...server, worker: workerWith({ id, port: server.port, ...over }) };
};

/** The application API in front of these workers. */
const gatewayFor = async (...workers: (HiveWorker | FleetWorker)[]) => {
  const fleet = memoryFleet(workers);
  const gateway = new Gateway(fleet, { maxWaitMs: 50 });
  const app = fastify({ forceCloseConnections: true });
  const health = () => ({ status: 'ok', name: 'queen', version: '0', pid: 1, instance: '', startedAt: '' }) as const;
  const folder = mkdtempSync(join(tmpdir(), 'rbee-gateway-'));
  open.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const spool = new Spool(join(folder, 'spool'));
  const bodies = { memory: new BodyMemory(), spool, limits };
  guard(app);
  await app.register(applicationApi({ gateway, health, logger: app.log, bodies }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  open.push(gateway, app);
  const { port } = app.server.address() as { port: number };
  return { fleet, gateway, url: `http://127.0.0.1:${port}`, port, folder };
};

/** The same as its own server, with all hooks of the address. */
const serverFor = async (...workers: HiveWorker[]) => {
  const gateway = new Gateway(memoryFleet(workers));
  const folder = mkdtempSync(join(tmpdir(), 'rbee-gateway-'));
  open.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  const bodies = { memory: new BodyMemory(), spool: new Spool(join(folder, 'spool')), limits };
  const health = () => ({ status: 'ok', name: 'queen', version: '0', pid: 1, instance: '', startedAt: '' }) as const;
  const parts = { gateway, health, logger: pino({ level: 'silent' }), bodies };
  const app = makeApplicationServer(parts);
  await app.register(applicationApi(parts));
  await app.listen({ port: 0, host: '127.0.0.1' });
  open.push(gateway, app);
  return { url: `http://127.0.0.1:${(app.server.address() as { port: number }).port}` };
};

const chatPath = '/v1/chat/completions';
const post = (url: string, body: unknown, path = chatPath, init: RequestInit = {}) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  });

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const echo: Listener = async (incoming, response) => {
  const body = await bodyOf(incoming);
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({
      headers: incoming.headers,
      url: incoming.url,
      method: incoming.method,
      body: body.toString('base64'),
    }),
  );
};
interface Echoed {
  headers: Record<string, string>;
  url: string;
  method: string;
  body: string;
}

/** Open files of this process below the folder, unlinked ones included. */
const spoolFiles = (folder: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(`${folder}/`) ? [path] : [];
    } catch {
      return [];
    }
  });

const event = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
const streaming =
  (...pieces: string[]): Listener =>
  async (incoming, response) => {
    await bodyOf(incoming);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) response.write(piece);
    response.end();
  };

describe('the gateway', () => {
  it('passes a request on unchanged, except for the key and the headers of the connection', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await gatewayFor(worker);
    const text = '{ "model" : "DEMO",  "é" : 1.0 }';
    const response = await fetch(`${url}${chatPath}?x=%20y`, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        authorization: 'Bearer mine',
        'x-custom': 'kept',
        te: 'trailers',
      },
    });
    assert.equal(response.headers.get('x-rbee-worker'), 'a');
    const seen = (await response.json()) as Echoed;
    assert.equal(Buffer.from(seen.body, 'base64').toString(), text);
    assert.equal(seen.url, `${chatPath}?x=%20y`);
    assert.equal(seen.headers['authorization'], 'Bearer secret-of-the-worker');
    assert.equal(seen.headers['x-custom'], 'kept');
    assert.equal(seen.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(seen.headers['te'], undefined);
    assert.equal(seen.headers['host'], `127.0.0.1:${worker.port}`);
  });

  it('passes answers back unchanged: status, headers, bytes, streams', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256));
    const { worker } = await fakeWorker('a', async (incoming, response) => {
      if (incoming.url?.startsWith('/v1/things')) {
        response.writeHead(418, {
          'content-type': 'application/x-test',
          'x-own': 'yes',
          'access-control-allow-origin': '*',
        });
        return response.end(bytes);
      }
      return streaming(event('one'), event('two'), 'data: [DONE]\n\n')(incoming as never, response as never);
    });
    const { url } = await gatewayFor(worker);
    const whole = await fetch(`${url}/v1/things?model=demo`);
    assert.equal(whole.status, 418);
    assert.equal(whole.headers.get('x-own'), 'yes');
    assert.equal(whole.headers.get('access-control-allow-origin'), null);
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(bytes));
    const stream = await post(url, { model: 'demo', stream: true });
    assert.equal(await stream.text(), `${event('one')}${event('two')}data: [DONE]\n\n`);
  });

  it('passes JSON on in UTF-8, without a byte order mark, and refuses other bytes', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await gatewayFor(worker);
    const ask = (bytes: Buffer, type: string) =>
      fetch(url + chatPath, { method: 'POST', body: new Uint8Array(bytes), headers: { 'content-type': type } });
    const text = '{"model":"demo","content":"é"}';
    const cases: [Buffer, string][] = [
      [Buffer.from(`\ufeff${text}`), 'application/json'],
      [Buffer.from(text, 'latin1'), 'application/json; charset=ISO-8859-1'],
      [Buffer.from(text), 'application/json; charset=iso-8859-1'],
    ];
    for (const [bytes, type] of cases) {
      const { headers, body } = (await (await ask(bytes, type)).json()) as Echoed;
      assert.equal(Buffer.from(body, 'base64').toString(), text);
      if (!bytes.equals(Buffer.from(text))) assert.equal(headers['content-type'], 'application/json');
    }
    for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json; charset=none']) {
      const refused = await ask(Buffer.from(text, 'latin1'), type);
      assert.equal(refused.status, 400);
      assert.match(await refused.text(), /it is not UTF-8.*invalid_input/);
    }
  });

  it('takes the model from a form or a query as well', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await gatewayFor(worker);
    const form = new FormData();
    form.append('file', new Blob([Buffer.alloc(100_000, 1)]), 'a.wav');
    form.append('model', 'demo');
    const posted = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form });
    assert.equal(posted.status, 200);
    assert.ok(((await posted.json()) as Echoed).body.length > 100_000);
    const got = (await (await fetch(`${url}/v1/things?model=demo`)).json()) as Echoed;
    assert.deepEqual([got.method, got.url, got.body], ['GET', '/v1/things?model=demo', '']);
  });

  it('spreads concurrent requests over two workers', async () => {
    let release = () => {};
    const all = new Promise<void>((resolve) => (release = resolve));
    const slow: Listener = async (incoming, response) => {
      await bodyOf(incoming);
      await all;
      response.end('{}');
    };
    const { worker: a } = await fakeWorker('a', slow);
    const { worker: b } = await fakeWorker('b', slow);
    const { url, gateway } = await gatewayFor(a, b);
    const answers = Array.from({ length: 6 }, () => post(url, { model: 'demo' }));
    await until(() => gateway.inFlight('a') === 3 && gateway.inFlight('b') === 3, 'three each');
    release();
    for (const answer of await Promise.all(answers)) await answer.text();
    assert.equal(gateway.inFlight('a') + gateway.inFlight('b'), 0);
  });

  it('frees the worker as soon as the client disconnects, before or during the answer', async () => {
    for (const amid of [false, true]) {
      let gone = () => {};
      const left = new Promise<void>((resolve) => (gone = resolve));
      const { worker } = await fakeWorker('a', (_incoming, response) => {
        response.on('close', gone);
        if (amid) response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('one'));
      });
      const { url, gateway } = await gatewayFor(worker);
      const controller = new AbortController();
      const answer = post(url, { model: 'demo' }, chatPath, { signal: controller.signal }).catch(() => undefined);
      if (amid) await answer;
      else await until(() => gateway.inFlight('a') === 1, 'the request is under way');
      controller.abort();
      await left;
      await until(() => gateway.inFlight('a') === 0, 'the slot is free');
    }
  });

  it('tries another worker when the first breaks off before its first byte', async () => {
    let asked = 0;
    const dying: Listener = (incoming, response) => {
      asked += 1;
      // A head alone does not count: no byte of the body has been sent.
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      setImmediate(() => incoming.socket.destroy());
    };
    const { worker: bad } = await fakeWorker('bad', dying);
    const { worker: good } = await fakeWorker('good', streaming(event('hi'), 'data: [DONE]\n\n'), { running: 5 });
    const { url } = await gatewayFor(bad, good);
    const response = await post(url, { model: 'demo' });
    assert.equal(response.headers.get('x-rbee-worker'), 'good');
    assert.match(await response.text(), /hi.*\[DONE\]/s);
    assert.equal(asked, 1);
  });

  it('moves unanswered requests away from a silent machine, and leaves those that have begun', async () => {
    const { worker: good } = await fakeWorker('good', streaming(event('hi'), 'data: [DONE]\n\n'), { running: 5 });
    const halting: Listener = async (incoming, response) => {
      const { silent } = JSON.parse((await bodyOf(incoming)).toString());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (!silent) response.write(event('begun'));
    };
    const { worker: far } = await fakeWorker('far', halting);
    // Never connects, as on a broken link.
    const further = workerWith({ id: 'further', port: 1, startedAt: '2026-01-02T00:00:00Z' });
    const machines = [
      { key: 'good', worker: good, online: true },
      { key: 'far', worker: far, online: true },
      { key: 'further', worker: further, online: true, dial: () => new Promise<never>(() => {}) },
    ];
    const { fleet, gateway, url } = await gatewayFor(...machines);
    gateway.hold('good');
    const begun = await post(url, { model: 'demo' });
    assert.equal(begun.headers.get('x-rbee-worker'), 'far');
    const waiting = [post(url, { model: 'demo', silent: true }), post(url, { model: 'demo', silent: true })];
    await until(() => gateway.inFlight('far') + gateway.inFlight('further') === 3, 'three requests');
    gateway.release('good');
    for (const { worker } of machines.slice(1)) gateway.hold(worker.id);
    for (const { worker } of machines.slice(1)) fleet.silent(worker.id);
    for (const response of await Promise.all(waiting)) {
      assert.equal(response.headers.get('x-rbee-worker'), 'good');
      assert.match(await response.text(), /hi.*\[DONE\]/s);
    }
    assert.equal(gateway.inFlight('far'), 1);
    gateway.hold('good');
    gateway.release('further');
    const alone = post(url, { model: 'demo' });
    await until(() => gateway.inFlight('further') === 1, 'a request');
    // There is no other worker, so the request keeps waiting: the machine may come back.
    fleet.silent('further');
    assert.equal(gateway.inFlight('further'), 1);
    alone.catch(() => {});
    await begun.body?.cancel();
  });

  it('reports that the only worker broke off before its first byte, or does not listen', async () => {
    const { worker, ...server } = await fakeWorker('a', (incoming) => void incoming.socket.destroy());
    const { url } = await gatewayFor(worker);
    for (let round = 0; round < 2; round++) {
      const response = await post(url, { model: 'demo' });
      assert.equal(response.status, 502);
      const { error } = (await response.json()) as { error: Record<string, string> };
      assert.equal(error['code'], 'worker_connection_lost');
      assert.equal(error['type'], 'server_error');
      await server.close();
    }
  });

  it('ends a stream that broke off with an error event, never as if it were complete', async () => {
    const endings: Listener[] = [
      (incoming, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('one'));
        setImmediate(() => incoming.socket.destroy());
      },
      // Ended regularly, but without its end marker.
      streaming(event('one')),
      // Of unknown length: only the end marker shows that it is complete.
      (incoming) =>
        void incoming.socket.end(`HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${event('one')}`),
    ];
    for (const ending of endings) {
      const { worker } = await fakeWorker('a', ending);
      const { url } = await gatewayFor(worker);
      const text = await (await post(url, { model: 'demo', stream: true })).text();
      assert.ok(text.startsWith(event('one')), text);
      const last = text.trim().split('\n').at(-1)!;
      assert.equal(JSON.parse(last.slice('data: '.length)).error.code, 'worker_connection_lost');
      assert.ok(!text.includes('[DONE]'));
    }
  });

  it('puts the error of a stream into the one shape, and ends the stream as the worker does', async () => {
    const own = `${event('one')}data: {"error":{"message":"out of memory"}}\n\n`;
    const { worker } = await fakeWorker('a', streaming(own));
    const { url } = await gatewayFor(worker);
    const text = await (await post(url, { model: 'demo' })).text();
    const [first, second = '', ...more] = text.split('\n\n');
    assert.equal(`${first}\n\n`, event('one'));
    assert.deepEqual(JSON.parse(second.slice('data: '.length)).error, {
      message: 'out of memory',
      type: 'server_error',
      code: 'out_of_memory',
      param: null,
      hint: 'send less in one request, or start the worker with a smaller context or fewer slots',
    });
    assert.deepEqual(more, ['']);
  });

  it('puts the error answer of a worker into the one shape, with the right status and length', async () => {
    const context = { code: 400, message: 'it exceeds the available context size', type: 'exceed_context_size_error' };
    const { worker } = await fakeWorker('a', async (incoming, response) => {
      await bodyOf(incoming);
      const body = JSON.stringify({ error: context });
      response
        .writeHead(500, { 'content-type': 'text/plain', 'content-length': body.length, 'x-own': 'kept' })
        .end(body);
    });
    const { url } = await gatewayFor(worker);
    const response = await post(url, { model: 'demo' });
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('x-own'), 'kept');
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    const text = await response.text();
    assert.equal(Number(response.headers.get('content-length')), Buffer.byteLength(text));
    const { message, type, code, param } = JSON.parse(text).error;
    assert.deepEqual(
      [message, type, code, param],
      [
        `maximum context length exceeded: ${context.message}`,
        'invalid_request_error',
        'context_length_exceeded',
        'messages',
      ],
    );
  });

  it('passes on a refusal whose end never came', async () => {
    const { worker } = await fakeWorker('a', (incoming, response) => {
      response.writeHead(413, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"error":{"message":"too la');
      setImmediate(() => incoming.socket.destroy());
    });
    const { url } = await gatewayFor(worker);
    const response = await post(url, { model: 'demo' });
    assert.equal(response.status, 413);
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'body_too_large');
  });

  it('reads no more of an error answer than it needs, and leaves those of other paths alone', async () => {
    const large = `{"error":{"message":"${'x'.repeat(10_000_000)}"}}`;
    const { worker } = await fakeWorker('a', async (incoming, response) => {
      await bodyOf(incoming);
      response.writeHead(500).end(large);
    });
    const { url } = await gatewayFor(worker);
    const short = (await (await post(url, { model: 'demo' })).json()) as { error: { code: string; message: string } };
    assert.equal(short.error.code, 'worker_failed');
    assert.ok(short.error.message.length < 1_000);
    const other = await fetch(`${url}/v1/things?model=demo`);
    assert.equal(await other.text(), large);
  });

  it('gives each request an id: the one of the client if it is acceptable, otherwise a new one', async () => {
    const { worker } = await fakeWorker('a', (incoming, response) => {
      response.setHeader('x-request-id', 'of-the-worker');
      return echo(incoming, response);
    });
    const { url } = await serverFor(worker);
    const ask = async (id?: string, model = 'demo') => {
      const headers = { 'content-type': 'application/json', ...(id !== undefined && { 'x-request-id': id }) };
      const response = await post(url, { model }, chatPath, { headers });
      const answer = (await response.json()) as Partial<Echoed>;
      return { told: response.headers.get('x-request-id'), asked: answer.headers?.['x-request-id'] };
    };
    assert.deepEqual(await ask('trace/42~!'), { told: 'trace/42~!', asked: 'trace/42~!' });
    assert.deepEqual(await ask('x'.repeat(128)), { told: 'x'.repeat(128), asked: 'x'.repeat(128) });
    assert.equal((await ask('mine', 'unknown')).told, 'mine');
    const made = new Set<string | null>();
    for (const id of [undefined, '', 'x'.repeat(129), 'with space', 'é']) {
      const { told, asked } = await ask(id);
      assert.match(told ?? '', /^req_[\w-]{9,20}$/);
      assert.equal(asked, told);
      made.add(told);
    }
    assert.equal(made.size, 5);
    for (const path of ['/health', '/v1/models', '/nothing', '/v1/models/none', '/%', `/${'x'.repeat(9_000)}`]) {
      assert.match((await fetch(url + path)).headers.get('x-request-id') ?? '', /^req_/, path);
    }
  });

  it('cuts the connection when an answer that is not an event stream broke off', async () => {
    const { worker } = await fakeWorker('a', (incoming, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{"half":');
      setImmediate(() => incoming.socket.destroy());
    });
    const { url } = await gatewayFor(worker);
    const response = await post(url, { model: 'demo' });
    await assert.rejects(response.text());
  });

  it('refuses what no worker can answer, in the shape that OpenAI clients expect', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await gatewayFor(worker, workerWith({ id: 'b', names: ['other'], state: 'loading' }));
    const refusal = async (response: Response) => {
      const { error } = (await response.json()) as {
        error: { code: string; message: string; type: string; param: string | null };
      };
      return { status: response.status, ...error };
    };
    const unknown = await refusal(await post(url, { model: 'dmeo' }));
    assert.deepEqual(
      [unknown.status, unknown.code, unknown.type, unknown.param],
      [404, 'model_not_found', 'invalid_request_error', 'model'],
    );
    assert.match(unknown.message, /did you mean demo/);
    const waiting = await post(url, { model: 'other' });
    assert.ok(Number(waiting.headers.get('retry-after')) > 0);
    assert.deepEqual((await refusal(waiting)).code, 'no_ready_worker');
    assert.equal((await refusal(await post(url, { model: 'demo' }, '/v1/rerank'))).code, 'path_not_served');
    assert.equal((await refusal(await post(url, { model: 'nope' }, '/v1/rerank'))).code, 'not_found');
    assert.equal((await refusal(await fetch(`${url}/favicon.ico`))).code, 'not_found');
    assert.equal((await refusal(await post(url, {}))).code, 'invalid_input');
    assert.equal((await refusal(await post(url, undefined, chatPath, { body: '{broken' }))).code, 'invalid_input');
    for (const type of ['text/plain', 'multipart/form-data; boundary=b', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type, 'sec-fetch-site': 'same-origin' };
      const init = { method: 'POST', headers, body: '{"model":"demo"}' };
      assert.equal((await refusal(await fetch(url + chatPath, init))).code, 'unsupported_content_type');
    }
  });

  it('names the methods that a served path accepts when it gets another', async () => {
    const serves: HiveWorker['serves'] = [
      { path: chatPath, kind: 'chat' },
      { path: '/v1/voices', kind: 'other', method: 'GET' },
      { path: '/v1/things', kind: 'other', method: 'any' },
    ];
    const { worker } = await fakeWorker('a', echo, { serves });
    const { url } = await gatewayFor(worker);
    const ask = async (method: string, path: string) => {
      const response = await fetch(url + path, { method });
      await response.arrayBuffer();
      return [response.status, response.headers.get('allow')];
    };
    assert.deepEqual(await ask('GET', chatPath), [405, 'POST']);
    assert.deepEqual(await ask('PUT', `${chatPath}?model=demo`), [405, 'POST']);
    assert.deepEqual(await ask('POST', '/v1/voices'), [405, 'GET']);
    assert.deepEqual(await ask('DELETE', '/v1/things'), [405, 'GET, POST']);
    assert.deepEqual(await ask('DELETE', '/v1/nothing'), [404, null]);
    assert.deepEqual(await ask('GET', '/v1/things?model=demo'), [200, null]);
  });

  it('refuses a body that is larger than the limit', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { port } = await gatewayFor(worker);
    const outgoing = request({
      port,
      path: chatPath,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 65 * 1024 * 1024 },
    });
    outgoing.on('error', () => {});
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 413);
    assert.match((await bodyOf(response)).toString(), /64 MiB.*body_too_large/);
    outgoing.destroy();
  });

  it('spools a large form, finds its model after the file, and sends all of it again when a worker breaks off', async () => {
    const sound = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 31 + (at >> 9)) % 256));
    const spooled: string[][] = [];
    const lazy = await fakeWorker('a', async (incoming) => {
      // Breaks off during the body.
      await once(incoming, 'data');
      spooled.push(spoolFiles(folder));
      incoming.socket.destroy();
    });
    const seen: { length: string | undefined; body: Buffer }[] = [];
    const good = await fakeWorker('b', async (incoming, response) => {
      seen.push({ length: incoming.headers['content-length'], body: await bodyOf(incoming as IncomingMessage) });
      response.end('heard');
    });
    const { url, folder, fleet } = await gatewayFor(lazy.worker, good.worker);
    const boundary = 'b0undary';
    const form = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`),
      sound,
      Buffer.from(
        `\r\n--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\ndemo\r\n--${boundary}--\r\n`,
      ),
    ]);
    for (const announced of [true, false]) {
      // The worker that breaks off is chosen first: it has been idle for longest.
      fleet.changed();
      const response = await fetch(`${url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: announced ? form : new Blob([form]).stream(),
        ...(announced ? {} : { duplex: 'half' }),
      } as RequestInit);
      assert.equal(await response.text(), 'heard');
      const last = seen.at(-1);
      assert.ok(last?.body.equals(form));
      assert.equal(last?.length, String(form.length));
    }
    assert.ok(spooled.length > 0);
    for (const files of spooled) assert.deepEqual(files.length, 1, 'one file, and it has no name any more');
    assert.deepEqual(readdirSync(join(folder, 'spool')), []);
    await until(() => spoolFiles(folder).length === 0, 'nothing is left open');
  });

  it('keeps nothing of a large body whose client disconnects', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { port, folder } = await gatewayFor(worker);
    const headers = { 'content-type': 'application/json', 'content-length': 2_000_000 };
    const outgoing = request({ port, path: chatPath, method: 'POST', headers });
    outgoing.on('error', () => {});
    outgoing.write(Buffer.alloc(1_000_000, ' '));
    const hasNoName = () => readdirSync(join(folder, 'spool')).length === 0;
    await until(() => spoolFiles(folder).length === 1 && hasNoName(), 'it is on disk, without a name');
    outgoing.destroy();
    await until(() => spoolFiles(folder).length === 0, 'it is gone');
  });

  it('answers a body that is too large while the client still sends, fast or slowly, and goes on with the connection', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await serverFor(worker);
    for (const [pieceBytes, pauseMs] of [
      [4 * 1024 * 1024, 0],
      [1024 * 1024, 5],
    ] as const) {
      // A client that reads nothing before it has sent everything.
      const socket = connect(Number(new URL(url).port), '127.0.0.1').pause();
      socket.on('error', () => {});
      const type = 'content-type: application/json\r\ntransfer-encoding: chunked';
      socket.write(`POST ${chatPath} HTTP/1.1\r\nhost: x\r\n${type}\r\n\r\n`);
      const piece = Buffer.alloc(pieceBytes, ' ');
      for (let sent = 0; sent < 80 * 1024 * 1024; sent += pieceBytes) {
        socket.write(`${pieceBytes.toString(16)}\r\n`);
        socket.write(piece);
        if (!socket.write('\r\n')) await once(socket, 'drain');
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      socket.write('0\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      const answers = Buffer.concat(await socket.toArray()).toString();
      assert.deepEqual(answers.match(/HTTP\/1.1 [^\r]*/g), ['HTTP/1.1 413 Payload Too Large', 'HTTP/1.1 200 OK']);
      assert.match(answers, /"code":"body_too_large"/);
    }
  });

  it('refuses a large body that is malformed or names no model, without asking a worker', async () => {
    let requests = 0;
    const { worker } = await fakeWorker('a', (_, response) => {
      requests += 1;
      response.end();
    });
    const { url, folder } = await gatewayFor(worker);
    const content = 'x'.repeat(1_000_000);
    for (const body of [`{"content":"${content}"`, `{"content":"${content}"}`, `["${content}"]`]) {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url + chatPath, { method: 'POST', body, headers });
      assert.equal(response.status, 400);
      assert.match(await response.text(), /invalid_input/);
    }
    assert.equal(requests, 0);
    await until(() => spoolFiles(folder).length === 0, 'nothing is left open');
  });

  it('lists the models that can be requested now', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { url } = await gatewayFor(worker, workerWith({ id: 'b', names: ['other'], state: 'stopped', port: null }));
    const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string; owned_by: string }[] };
    assert.deepEqual(
      list.data.map(({ id, owned_by }) => [id, owned_by]),
      [['demo', 'fake']],
    );
    assert.equal((await fetch(`${url}/v1/models/demo`)).status, 200);
    assert.equal((await fetch(`${url}/v1/models/other`)).status, 404);
  });

  it("keeps worker types off the queen's own paths", async () => {
    const serves = [
      { path: '/v1/jobs', kind: 'other' as const },
      { path: '/health', method: 'GET' as const, kind: 'other' as const },
    ];
    const { worker } = await fakeWorker('a', echo, { serves });
    const { url } = await gatewayFor(worker);
    assert.equal((await post(url, { model: 'demo' }, '/v1/jobs')).status, 404);
    assert.equal(((await (await fetch(`${url}/health`)).json()) as { name: string }).name, 'queen');
  });
});

const refusal = async (response: Response) => {
  const { error } = (await response.json()) as { error: { code: string; message: string; hint?: string } };
  return error;
};

describe('what a worker declares that it serves', () => {
  const asBytes = (url: string, init: RequestInit) =>
    fetch(url, init).then((response) => response.json() as Promise<Echoed>);

  it('decides which methods are passed on, with their bodies', async () => {
    const serves: HiveWorker['serves'] = [
      { path: '/v1/files/{file}', method: ['GET', 'PUT', 'DELETE'], kind: 'other' },
      { path: '/v1/embeddings', kind: 'embedding' },
    ];
    const { worker } = await fakeWorker('a', echo, { serves });
    const { url } = await gatewayFor(worker);
    const body = JSON.stringify({ model: 'demo' });
    const headers = { 'content-type': 'application/json' };
    for (const method of ['PUT', 'DELETE']) {
      const got = await asBytes(`${url}/v1/files/f%201?x=1`, { method, headers, body });
      assert.deepEqual([got.method, got.url], [method, '/v1/files/f%201?x=1']);
      assert.equal(Buffer.from(got.body, 'base64').toString(), body);
    }
    assert.equal((await asBytes(`${url}/v1/files/f`, { method: 'DELETE' })).method, 'DELETE');
    const refused = await fetch(`${url}/v1/files/f`, { method: 'POST', headers, body });
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'DELETE, GET, PUT']);
    for (const path of ['/v1/files', '/v1/files/', '/v1/files/a/b', '/v1/files/%2e%2e', '/v1/files/..%2Fx']) {
      assert.equal((await fetch(`${url}${path}`, { method: 'DELETE' })).status, 404, path);
    }
  });

  it('decides which content types are passed on', async () => {
    const serves: HiveWorker['serves'] = [
      { path: '/v1/hear', kind: 'transcription', accepts: ['audio/*', 'application/x-ndjson'] },
      { path: '/v1/embeddings', kind: 'embedding' },
    ];
    const { worker } = await fakeWorker('a', echo, { serves });
    const { url } = await gatewayFor(worker);
    const send = (path: string, type: string | undefined, body: string | Buffer) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        body,
        ...(type !== undefined && { headers: { 'content-type': type } }),
      });
    const sound = Buffer.from([0, 1, 2, 255, 123, 34]);
    const heard = (await (await send('/v1/hear?model=demo', 'Audio/WAV; rate=8000', sound)).json()) as Echoed;
    assert.deepEqual(Buffer.from(heard.body, 'base64'), sound);
    assert.equal(heard.headers['content-type'], 'Audio/WAV; rate=8000');
    assert.equal((await send('/v1/hear?model=demo', 'application/x-ndjson', '{"model":"other"}\n{}')).status, 200);
    const large = Buffer.alloc(600 * 1024, 7);
    const spooled = (await (await send('/v1/hear?model=demo', 'audio/wav', large)).json()) as Echoed;
    assert.ok(Buffer.from(spooled.body, 'base64').equals(large));
    for (const [path, type] of [
      ['/v1/hear?model=demo', 'application/json'],
      ['/v1/hear?model=demo', 'video/mp4'],
      ['/v1/embeddings', 'image/png'],
      ['/v1/embeddings', 'multipart/form-data; boundary=x'],
    ] as const) {
      const { code } = await refusal(await send(path, type, '{"model":"demo"}'));
      assert.equal(code, 'unsupported_content_type', `${path} ${type}`);
    }
  });

  it('skips workers of the model that do not take the content type', async () => {
    const path = '/v1/hear';
    const a = await fakeWorker('a', echo, { serves: [{ path, kind: 'transcription', accepts: ['audio/wav'] }] });
    const b = await fakeWorker('b', echo, { serves: [{ path, kind: 'transcription' }] });
    const { url } = await gatewayFor(a.worker, b.worker);
    const from = new Set<string | null>();
    for (let nth = 0; nth < 4; nth += 1) {
      const headers = { 'content-type': 'audio/wav' };
      const response = await fetch(`${url}${path}?model=demo`, { method: 'POST', headers, body: 'x' });
      from.add(response.headers.get('x-rbee-worker'));
    }
    assert.deepEqual([...from], ['a']);
  });

  it('says which worker does not serve a path, and what would', async () => {
    const over = { type: 'llamacpp', engine: 'builtin', serves: [{ path: chatPath, kind: 'chat' as const }] };
    const unserved = [{ path: '/v1/rerank', hint: 'Start a worker with --option rerank=true.' }];
    const { worker } = await fakeWorker('a', echo, { ...over, unserved });
    const other = await fakeWorker('b', echo, {
      names: ['ranker'],
      serves: [{ path: '/v1/rerank', kind: 'rerank' }],
    });
    const { url } = await gatewayFor(worker, other.worker);
    const error = await refusal(await post(url, { model: 'demo' }, '/v1/rerank'));
    assert.equal(error.code, 'path_not_served');
    const hint = `Start a worker with --option rerank=true; models that do: ranker; it serves: POST ${chatPath}`;
    const message = 'model demo does not serve POST /v1/rerank: not a path of a (llamacpp, builtin)';
    assert.deepEqual([error.message, error.hint], [message, hint]);
  });

  it('lists what every worker of a model can do', async () => {
    const a = workerWith({ id: 'a', abilities: { vision: true, tools: true, contextLength: 8192 } });
    const b = workerWith({ id: 'b', abilities: { tools: false, contextLength: 4096 } });
    const { url } = await gatewayFor(a, b, workerWith({ id: 'c', names: ['plain'] }));
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as {
      data: { id: string; abilities?: unknown }[];
    };
    assert.deepEqual(
      data.map(({ id, abilities }) => [id, abilities]),
      [
        ['demo', { tools: false, contextLength: 4096 }],
        ['plain', undefined],
      ],
    );
  });
});

describe('an id that a worker made', () => {
  const serves: HiveWorker['serves'] = [
    { path: '/v1/batches', kind: 'other', affinity: { batch: 'data.id' } },
    { path: '/v1/batches/{batch}', method: ['GET', 'DELETE'], kind: 'other' },
    { path: '/v1/batches/{batch}/cancel', kind: 'other' },
  ];
  let made = 0;
  const batches: Listener = async (incoming, response) => {
    await bodyOf(incoming);
    made += 1;
    const answer = { data: { id: `batch ${made}` }, url: incoming.url, method: incoming.method };
    response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(answer));
  };
  const make = async (url: string) => {
    const response = await post(url, { model: 'demo' }, '/v1/batches');
    const { data } = (await response.json()) as { data: { id: string } };
    return { id: encodeURIComponent(data.id), worker: response.headers.get('x-rbee-worker') };
  };

  it('takes later requests to this worker, without a model', async () => {
    const a = await fakeWorker('a', batches, { serves });
    const b = await fakeWorker('b', batches, { serves });
    const { url } = await gatewayFor(a.worker, b.worker);
    const both = [await make(url), await make(url)];
    assert.deepEqual(both.map(({ worker }) => worker).sort(), ['a', 'b']);
    for (const { id, worker } of [...both, ...both.reverse()]) {
      for (const [method, path] of [
        ['GET', `/v1/batches/${id}`],
        ['POST', `/v1/batches/${id}/cancel`],
        ['DELETE', `/v1/batches/${id}?force=1`],
      ] as const) {
        const response = await fetch(url + path, { method });
        assert.equal(response.headers.get('x-rbee-worker'), worker, path);
        assert.equal(((await response.json()) as { url: string }).url, path);
      }
    }
  });

  it('is never sent to another worker: not when its own is offline, and not when the id is unknown', async () => {
    const a = await fakeWorker('a', batches, { serves, uid: 'first' });
    const b = await fakeWorker('b', batches, { serves });
    const { url, fleet } = await gatewayFor(a.worker, b.worker);
    let of = await make(url);
    while (of.worker !== 'a') of = await make(url);
    const ask = (id: string, query = '') => fetch(`${url}/v1/batches/${id}${query}`);
    const replace = (over: Partial<HiveWorker>) => {
      fleet.list = fleet.list.map((one) =>
        one.key === 'a' ? { ...one, worker: { ...one.worker, ...over } as HiveWorker } : one,
      );
      fleet.changed();
    };
    assert.equal((await refusal(await ask('unheard-of'))).code, 'id_not_found');
    replace({ state: 'loading' });
    assert.equal((await refusal(await ask(of.id))).code, 'no_ready_worker');
    // Another worker that got the same name does not know the ids of the one before.
    replace({ state: 'ready', uid: 'second' });
    assert.equal((await refusal(await ask(of.id))).code, 'id_not_found');
    replace({ names: ['alone'] });
    assert.equal((await ask(of.id, '?model=alone')).headers.get('x-rbee-worker'), 'a');
  });

  it('needs no memory where only one worker serves the path', async () => {
    const { worker } = await fakeWorker('a', batches, { serves });
    const { url } = await gatewayFor(worker);
    assert.equal((await fetch(`${url}/v1/batches/of-yesterday`)).status, 200);
  });

  it('is read from plain answers only, which workers are asked for, and the answer is passed on whole', async () => {
    const asked: (string | undefined)[] = [];
    const answers: [type: string, body: string][] = [
      ['application/json', '{"data":{"id":"broken'],
      ['text/plain', '{"data":{"id":"text"}}'],
      ['application/json', `{"data":{"id":"long"},"rest":"${'x'.repeat(1024 * 1024)}"}`],
      ['application/json', '{"data":{"id":{"an":"object"}}}'],
    ];
    const listener: Listener = async (incoming, response) => {
      await bodyOf(incoming);
      asked.push(incoming.headers['accept-encoding']);
      const [type, body] = answers.shift() ?? ['application/json', '{"data":{"id":12}}'];
      response.setHeader('content-type', type).end(body);
    };
    const a = await fakeWorker('a', listener, { serves });
    const b = await fakeWorker('b', batches, { serves, names: ['other'] });
    const { url } = await gatewayFor(a.worker, b.worker);
    for (const [, body] of [...answers]) {
      assert.equal(await (await post(url, { model: 'demo' }, '/v1/batches')).text(), body);
    }
    await (await post(url, { model: 'demo' }, '/v1/batches')).text();
    assert.deepEqual(new Set(asked), new Set([undefined]));
    assert.equal((await fetch(`${url}/v1/batches/12`)).headers.get('x-rbee-worker'), 'a');
    for (const id of ['text', 'long']) {
      assert.equal((await refusal(await fetch(`${url}/v1/batches/${id}`))).code, 'id_not_found');
    }
  });
});

describe('draining', () => {
  it('sends a held worker no more requests, and waits for those in progress', async () => {
    let finish = () => {};
    const { worker: a } = await fakeWorker('a', async (incoming, response) => {
      await bodyOf(incoming);
      response.write(' ');
      finish = () => response.end('{}');
    });
    const { worker: b } = await fakeWorker('b', echo, { running: 9 });
    const { url, gateway } = await gatewayFor(a, b);
    const first = await post(url, { model: 'demo' });
    assert.equal(first.headers.get('x-rbee-worker'), 'a');
    gateway.hold('a');
    let drained = false;
    const draining = gateway.drain({ key: 'a', id: 'a' }).then(() => (drained = true));
    const second = await post(url, { model: 'demo' });
    assert.equal(second.headers.get('x-rbee-worker'), 'b');
    await second.text();
    assert.equal(drained, false);
    finish();
    assert.equal((await first.text()).trim(), '{}');
    await draining;
    gateway.release('a');
    assert.deepEqual(
      [...gateway.names.open()].map(([, workers]) => workers.length),
      [2],
    );
  });

  it('cuts requests in progress at once when asked to, and the client gets an error', async () => {
    const { worker } = await fakeWorker('a', (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('one'));
    });
    const { url, gateway } = await gatewayFor(worker);
    const response = await post(url, { model: 'demo' });
    gateway.hold('a');
    await gateway.drain({ key: 'a', id: 'a' }, { now: true });
    assert.match(await response.text(), /it is being stopped/);
    assert.equal(gateway.inFlight('a'), 0);
    const refused = await post(url, { model: 'demo' });
    assert.match(await refused.text(), /a is draining.*no_ready_worker/);
  });
});

describe('two hives with a worker of the same id', () => {
  // Pools used to be keyed by id alone: a hive that listed another hive's id got its prompts and its key.
  it('each get their own requests and their own key', async () => {
    const seen: Record<string, Set<string | undefined>> = { honest: new Set(), evil: new Set() };
    const noting =
      (hive: string): Listener =>
      (incoming, response) => {
        seen[hive]?.add(incoming.headers.authorization);
        response.end(JSON.stringify({ hive }));
      };
    const honest = await fakeWorker('w1', noting('honest'), {
      hive: 'honest',
      names: ['real'],
      apiKey: 'key-of-honest',
    });
    const evil = await fakeWorker('w1', noting('evil'), { hive: 'evil', names: ['bait'], apiKey: 'key-of-evil' });
    const { url, gateway } = await gatewayFor(
      { key: 'evil/w1', worker: evil.worker, online: true },
      { key: 'honest/w1', worker: honest.worker, online: true },
    );
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual(await (await post(url, { model: 'real' })).json(), { hive: 'honest' });
      assert.deepEqual(await (await post(url, { model: 'bait' })).json(), { hive: 'evil' });
    }
    assert.deepEqual([...(seen['honest'] ?? [])], ['Bearer key-of-honest']);
    assert.deepEqual([...(seen['evil'] ?? [])], ['Bearer key-of-evil']);
    gateway.hold('evil/w1');
    assert.equal((await post(url, { model: 'real' })).status, 200);
  });

  it('gets no requests on a port that the queen has not assigned to it', async () => {
    const { worker } = await fakeWorker('w1', (_incoming, response) => response.end('{}'));
    const refused = `on port ${worker.port}, outside 18000-18999`;
    const { url } = await gatewayFor({ key: 'evil/w1', worker, online: true, refused });
    const response = await post(url, { model: 'demo' });
    assert.equal(response.status, 503);
    assert.match(await response.text(), /w1 is on port \d+, outside 18000-18999/);
  });
});

describe('a worker that answers before it has read the request, and closes', () => {
  /** Answers on the raw connection as soon as the head has arrived, then resets it with the body unread. */
  const hasty = async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => {
        socket.pause();
        const body = '{"error":{"message":"too long"}}';
        const head = `HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: ${body.length}\r\n`;
        socket.end(`${head}content-type: application/json\r\n\r\n${body}`, () => socket.destroy());
      });
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(server);
    return workerWith({ id: 'hasty', port: (server.address() as { port: number }).port });
  };

  // Of 40 bodies of 12 MB for an engine that accepts 8 MB, 7 used to be answered with 502 and "write EPIPE".
  it('has its answer passed on, for bodies in memory and on disk', async () => {
    const { url } = await gatewayFor(await hasty());
    for (const bytes of [200_000, 8 * 2 ** 20]) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => post(url, { model: 'demo', content: 'x'.repeat(bytes) })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [413], `${bytes} bytes`);
      assert.match(await answers[0]!.text(), /too long/);
    }
  });
});

it('a worker gets one content type, the one by which the model was found', async () => {
  const { worker } = await fakeWorker('a', (incoming, response) => {
    incoming.resume();
    response.end(JSON.stringify(incoming.rawHeaders));
  });
  const { port } = await gatewayFor(worker);
  const body = '{"model":"demo"}';
  const headers = ['Host', 'x', 'Content-Length', String(body.length), 'Content-Type', 'application/json'];
  headers.push('content-type', 'multipart/form-data; boundary=b');
  const outgoing = request({ port, path: chatPath, method: 'POST', headers }).end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const sent = JSON.parse(String(await bodyOf(response))) as string[];
  const types = sent.filter((_, index) => index % 2 === 1 && sent[index - 1]?.toLowerCase() === 'content-type');
  assert.deepEqual(types, ['application/json']);
});

describe('a body that is refused before it has arrived', () => {
  it('is read to its end, so that its client sees the error', async () => {
    const { worker } = await fakeWorker('a', echo);
    const { port } = await gatewayFor(worker);
    const bytes = limits.maxBytes + 2 ** 20;
    for (const [sent, status] of [
      [Buffer.alloc(bytes, ' '), 413],
      [Buffer.alloc(2 ** 20, '!'), 400],
    ] as const) {
      const socket = connect(port, '127.0.0.1');
      const head = `content-type: application/json\r\ncontent-length: ${sent.length}\r\n\r\n`;
      socket.write(`POST ${chatPath} HTTP/1.1\r\nhost: x\r\n${head}`);
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.write(sent, (error) => (error ? reject(error) : resolve()));
      });
      socket.write('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      const answers = Buffer.concat(await socket.toArray()).toString();
      assert.deepEqual(answers.match(/(?<=HTTP\/1\.1 )\d+/g), [String(status), '200']);
    }
  });
});
