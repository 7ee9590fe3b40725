import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerServerOptions } from './options.ts';
import { echoOptions } from './test/echo-worker.ts';
import { createWorkerServer } from './worker-server.ts';

interface Answer {
  error: { message: string; type: string; param: string | null; code: unknown; hint?: string };
  said: string[];
  model: string;
  loaded: string;
}

const cleanups: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const until = async (condition: () => Promise<boolean> | boolean) => {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${condition}`);
    await sleep(5);
  }
};

const start = async (more: Partial<WorkerServerOptions<string>> = {}) => {
  const log: string[] = [];
  const server = createWorkerServer(echoOptions({ drainMs: 200, log: (line) => log.push(line), ...more }));
  cleanups.push(() => server.close());
  const { port } = await server.start();
  const url = `http://127.0.0.1:${port}`;
  const post = (body: unknown, init: RequestInit = {}) =>
    fetch(`${url}/v1/echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    });
  const metric = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  return { server, url, port, log, post, metric };
};

describe('a worker server', () => {
  it('names a path that has two routes', () => {
    const { routes } = echoOptions();
    const twice = { ...echoOptions(), routes: [...routes, ...routes.slice(0, 1)] };
    assert.throws(() => createWorkerServer(twice), /two routes are POST \/v1\/echo/);
  });

  it('answers "Loading model" on every path until the model is loaded', async () => {
    let finish = () => {};
    const loading = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const log: string[] = [];
    const server = createWorkerServer(
      echoOptions({ load: () => loading.then(() => 'late'), log: (line) => log.push(line) }),
    );
    cleanups.push(() => server.close());
    const ready = server.start();
    await until(() => log.length > 0);
    const url = /http:\S+/.exec(log[0] ?? '')?.[0];
    for (const path of ['/health', '/v1/models', '/v1/echo']) {
      const response = await fetch(url + path);
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
      const { error } = (await response.json()) as Answer;
      assert.deepEqual([error.message, error.type, error.code], ['Loading model', 'unavailable_error', 503]);
    }
    finish();
    await ready;
    assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok' });
  });

  it('gives handlers the body, the model and its first name', async () => {
    const { post } = await start();
    const answer = (await (await post({ words: ['a', 'b'] })).json()) as Answer;
    assert.deepEqual(answer, { said: ['a', 'b'], loaded: 'a model', model: 'echo' });
  });

  it('lists the model, and returns it under each name', async () => {
    const { url } = await start({ describe: (loaded) => ({ meta: { loaded } }) });
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: Record<string, unknown>[] };
    assert.equal(data[0]?.['id'], 'echo');
    assert.deepEqual(data[0]?.['meta'], { loaded: 'a model' });
    assert.equal((await fetch(`${url}/v1/models/parrot`)).status, 200);
    assert.equal((await fetch(`${url}/v1/models/cat`)).status, 404);
  });

  it("answers errors in OpenAI's format", async () => {
    const { post, url } = await start({ bodyLimit: 1000 });
    const cases: [Promise<Response>, number, string | null][] = [
      [post('{'), 400, null],
      [post(''), 400, null],
      [post({}), 400, 'words'],
      [post({ words: ['a', 1] }), 400, 'words[1]'],
      [post({ words: [], model: 'cat' }), 404, 'model'],
      [post({ words: ['x'.repeat(2000)] }), 413, null],
      [post('<a/>', { headers: { 'content-type': 'text/xml' } }), 415, null],
      [fetch(`${url}/v1/echo`), 404, null],
      [fetch(`${url}/nowhere`), 404, null],
      [post({ words: ['a'], fail: 'first' }), 400, 'fail'],
      [post({ words: ['a'], fail: 'first', stream: true }), 400, 'fail'],
      [post({ words: ['a'], fail: 'later' }), 500, null],
    ];
    for (const [asked, status, param] of cases) {
      const response = await asked;
      const { error } = (await response.json()) as Answer;
      assert.equal(response.status, status, error.message);
      assert.equal(error.param, param, error.message);
      assert.equal(error.type, status === 500 ? 'server_error' : 'invalid_request_error');
      assert.ok(error.message);
      if (status < 500) assert.ok(error.code, error.message);
      if (status === 400) assert.ok(error.hint, error.message);
    }
  });

  it('names the alternative that was meant, or the types that are possible', async () => {
    const value = {
      anyOf: [
        { type: 'null' },
        { type: 'string', minLength: 1 },
        {
          type: 'array',
          items: {
            anyOf: [
              { type: 'string' },
              { type: 'object', required: ['type'], properties: { type: { type: 'string' } } },
            ],
          },
        },
      ],
    };
    const { url } = await start({
      routes: [{ path: '/v1/any', schema: { type: 'object', properties: { value } }, handler: async () => ({}) }],
    });
    const cases: [unknown, string, string | null][] = [
      [5, 'value must be string or array', 'value'],
      ['', 'value must NOT have fewer than 1 characters', 'value'],
      [['a', 5], 'value[1] must be string or object', 'value[1]'],
      [[{}], 'value[0].type is required', 'value[0].type'],
      [[{ type: 5 }], 'value[0].type must be string', 'value[0].type'],
    ];
    for (const [given, message, param] of cases) {
      const body = JSON.stringify({ value: given });
      const response = await fetch(`${url}/v1/any`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as Answer;
      assert.deepEqual([error.message, error.param], [message, param]);
    }
  });

  it('has the id of a request in its answer and in its log lines', async () => {
    const { url, log, post } = await start({
      routes: [
        {
          path: '/v1/echo',
          handler: async ({ body }, context) => {
            context.log('asked');
            const { stream, fail } = body as { stream?: boolean; fail?: boolean };
            if (fail) throw new Error('boom');
            if (!stream) return {};
            await context.stream().send({ a: 1 });
            return undefined;
          },
        },
      ],
    });
    const headers = { 'content-type': 'application/json', 'x-request-id': 'req_1' };
    for (const body of [{}, { stream: true }, { fail: true }]) {
      const response = await post(body, { headers });
      assert.equal(response.headers.get('x-request-id'), 'req_1');
      await response.text();
    }
    assert.ok(log.some((line) => line.endsWith(': asked [req_1]')));
    assert.ok(log.some((line) => line.includes('error [req_1]: /v1/echo: Error: boom')));
    assert.match((await fetch(`${url}/none`)).headers.get('x-request-id') ?? '', /^[\w-]{36}$/);
  });

  it('requires the key everywhere except for health', async () => {
    const { url, post } = await start({ env: { RBEE_API_KEY: 'right' } });
    assert.equal((await fetch(`${url}/health`)).status, 200);
    for (const authorization of ['', 'Bearer wrong', 'Bearer ', 'right']) {
      for (const path of ['/metrics', '/v1/models', '/nowhere']) {
        assert.equal((await fetch(url + path, { headers: { authorization } })).status, 401);
      }
    }
    const headers = { authorization: 'Bearer right', 'content-type': 'application/json' };
    assert.equal((await post({ words: ['a'] }, { headers })).status, 200);
  });

  it('streams events, and ends them with [DONE]', async () => {
    const { post } = await start();
    const response = await post({ words: ['a', 'b\n'], stream: true });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    assert.equal(await response.text(), 'data: {"word":"a"}\n\ndata: {"word":"b\\n"}\n\ndata: [DONE]\n\n');
  });

  it('ends a stream that fails with an error event and without [DONE]', async () => {
    const { post } = await start();
    const text = await (await post({ words: ['a', 'b'], fail: 'later', stream: true })).text();
    assert.match(text, /^data: \{"word":"a"\}\n\ndata: \{"error":\{"message":"failed after a word"/);
    assert.doesNotMatch(text, /DONE/);
  });

  it('sends no faster than the client reads', async () => {
    const { port, metric } = await start();
    const body = JSON.stringify({ words: Array.from({ length: 200 }, () => 'x'.repeat(30_000)), stream: true });
    const socket = connect(port, '127.0.0.1');
    const head = `POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(head + body);
    await until(async () => (await metric('rbee_requests_running')) === 1);
    // The client reads nothing: the answer of six megabytes cannot be finished.
    await sleep(200);
    assert.equal(await metric('rbee_requests_running'), 1);
    socket.destroy();
    await until(async () => (await metric('rbee_requests_running')) === 0);
  });

  it('runs as many requests as it has slots, lets some wait, and refuses the rest', async () => {
    const { post, metric } = await start({ slots: 2, queueLimit: 1 });
    const leaving = new AbortController();
    const held = [1, 2, 3].map(() => post({ words: ['a'], pauseMs: 60_000 }, { signal: leaving.signal }));
    await until(
      async () => (await metric('rbee_requests_running')) === 2 && (await metric('rbee_requests_waiting')) === 1,
    );
    const refused = await post({ words: ['a'] });
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '1');
    leaving.abort();
    await Promise.allSettled(held);
    await until(async () => (await metric('rbee_requests_running')) + (await metric('rbee_requests_waiting')) === 0);
    assert.equal((await post({ words: ['a'] })).status, 200);
    assert.equal(await metric('rbee_requests_total\\{path="/v1/echo",status="499"\\}'), 3);
    assert.equal(await metric('rbee_tokens_generated_total'), 1);
  });

  it('answers waiting requests in the order of their arrival', async () => {
    const { post, metric } = await start({ slots: 1, queueLimit: 5 });
    const counted = async () => (await metric('rbee_requests_running')) + (await metric('rbee_requests_waiting'));
    const leaving = new AbortController();
    const held = post({ words: ['a'], pauseMs: 60_000 }, { signal: leaving.signal });
    await until(async () => (await counted()) === 1);
    const order: number[] = [];
    const asked: Promise<unknown>[] = [];
    for (const place of [1, 2, 3]) {
      asked.push(post({ words: ['a'] }).then((response) => response.text().then(() => order.push(place))));
      await until(async () => (await counted()) === place + 1);
    }
    leaving.abort();
    await assert.rejects(held);
    await Promise.all(asked);
    assert.deepEqual(order, [1, 2, 3]);
  });

  it('names the address that it cannot listen on', async () => {
    const owner = createTcpServer().listen(0, '127.0.0.1');
    await once(owner, 'listening');
    cleanups.push(() => void owner.close());
    const { port } = owner.address() as { port: number };
    const taken = createWorkerServer(echoOptions({ port })).start();
    await assert.rejects(taken, {
      exitCode: 98,
      message: `cannot listen on 127.0.0.1 port ${port}: the port is already in use`,
    });
    await assert.rejects(createWorkerServer(echoOptions({ host: '192.0.2.1' })).start(), { exitCode: 98 });
  });

  it('reports to the hive until the hive acknowledges it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rbee-ready-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const socket = join(folder, 'hive.sock');
    const reports: { path: string | undefined; key: string | undefined; body: unknown }[] = [];
    const hive = createServer(async (incoming, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString());
      reports.push({ path: incoming.url, key: incoming.headers.authorization, body });
      answer.writeHead(reports.length < 3 ? 503 : 204).end();
    });
    const env = { RBEE_READY_SOCKET: socket, RBEE_READY_PATH: '/v1/workers/a/ready', RBEE_READY_TOKEN: 'once' };
    const { port, log } = await start({ env });
    // The hive starts after the worker.
    await until(() => log.some((line) => line.includes('has not accepted the ready report')));
    hive.listen(socket);
    cleanups.push(() => void hive.close());
    await until(() => reports.length === 3);
    const report = { path: '/v1/workers/a/ready', key: 'Bearer once', body: { pid: process.pid, port } };
    assert.deepEqual(reports, [report, report, report]);
  });

  it('finishes running requests when it closes, and refuses the others', async () => {
    const { server, post, metric } = await start({ slots: 1, drainMs: 30_000 });
    const running = post({ words: ['a', 'b'], pauseMs: 300, stream: true });
    await until(async () => (await metric('rbee_requests_running')) === 1);
    const waiting = post({ words: ['a'] });
    await until(async () => (await metric('rbee_requests_waiting')) === 1);
    const closed = server.close();
    const [sentAway, late] = [await waiting, await post({ words: ['a'] })];
    for (const response of [sentAway, late]) {
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
    }
    assert.match(await (await running).text(), /"b".*\[DONE\]/s);
    await closed;
    await assert.rejects(post({ words: ['a'] }));
  });

  it('aborts requests that take too long when it closes, with an error that clients can read', async () => {
    const { server, post, metric } = await start({ slots: 2, drainMs: 50 });
    const body = { words: ['a', 'b'], pauseMs: 60_000 };
    const whole = post(body);
    const streamed = fetchFirstEvent(await start(), { ...body });
    await until(async () => (await metric('rbee_requests_running')) === 1);
    await server.close();
    assert.equal((await whole).status, 503);
    await streamed;
  });
});

/** A stream that has begun ends with an error event when its server closes. */
const fetchFirstEvent = async (
  { server, url }: { server: { close(): Promise<void> }; url: string },
  body: { words: string[] },
) => {
  const sent = request(`${url}/v1/echo`, { method: 'POST', headers: { 'content-type': 'application/json' } });
  sent.end(JSON.stringify({ ...body, pauseMs: 100, words: Array.from({ length: 1000 }, () => 'a'), stream: true }));
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(response, 'data');
  await server.close();
  if (!response.readableEnded) await once(response, 'end');
  assert.match(text, /"error":\{"message":"this worker is stopping"/);
  assert.doesNotMatch(text, /DONE/);
};
