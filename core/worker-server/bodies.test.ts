/** Request bodies and answers other than JSON. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Route, WorkerRequest } from './options.ts';
import { rawAnswer } from './raw-answer.ts';
import { echoOptions } from './test/echo-worker.ts';
import { createWorkerServer } from './worker-server.ts';

const servers: { close(): Promise<void> }[] = [];
after(async () => {
  for (const server of servers) await server.close();
});

const start = async (...routes: Route<string>[]) => {
  const server = createWorkerServer(echoOptions({ routes, drainMs: 100, slots: 1 }));
  servers.push(server);
  const { port } = await server.start();
  const url = `http://127.0.0.1:${port}`;
  const metric = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  return { url, port, metric };
};

const uploads = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`rbee-upload-${process.pid}-`));

const until = async (condition: () => Promise<boolean> | boolean) => {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${condition}`);
    await sleep(5);
  }
};

let paths: string[] = [];
const formRoute: Route<string> = {
  path: '/form',
  body: 'multipart',
  files: { bytes: 1000, count: 2 },
  schema: {
    type: 'object',
    required: ['size'],
    properties: {
      size: { type: 'number', maximum: 10 },
      words: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
    },
  },
  handler: async ({ body, files }) => {
    paths = files.map(({ path }) => path);
    const texts = await Promise.all(files.map(async (file) => (await file.read()).toString()));
    return { body, files: files.map(({ field, name, type, bytes }) => ({ field, name, type, bytes })), texts };
  },
};

const form = (fields: Record<string, string | File | (string | File)[]>) => {
  const made = new FormData();
  for (const [name, values] of Object.entries(fields)) {
    for (const value of [values].flat()) made.append(name, value);
  }
  return made;
};
const file = (text: string, name = 'a.txt') => new File([text], name, { type: 'text/plain' });
const send = (url: string, body: string | FormData, headers: Record<string, string> = {}) =>
  fetch(`${url}/form`, { method: 'POST', body, headers });
const errorOf = async (response: Response) =>
  (
    (await response.json()) as {
      error: Record<'message' | 'type' | 'code' | 'hint', string> & { param: string | null };
    }
  ).error;

describe('a form', () => {
  it('reaches the handler as checked fields and files, which are removed afterwards', async () => {
    const { url } = await start(formRoute);
    const answer = await send(
      url,
      form({ size: '2.5', 'words[]': ['a', 'b'], model: 'parrot', 'file[]': [file('one'), file('two', '../b.txt')] }),
    );
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), {
      body: { size: 2.5, words: ['a', 'b'], model: 'parrot' },
      files: [
        { field: 'file', name: 'a.txt', type: 'text/plain', bytes: 3 },
        { field: 'file', name: 'b.txt', type: 'text/plain', bytes: 3 },
      ],
      texts: ['one', 'two'],
    });
    assert.equal(paths.length, 2);
    await until(() => !paths.some((path) => existsSync(path)) && uploads().length === 0);
  });

  it('is refused with the name of the field, and leaves nothing behind', async () => {
    const { url } = await start(formRoute);
    const whole = { size: '1', file: file('one') };
    const boundary = 'multipart/form-data; boundary=b';
    const cases: [Promise<Response>, number, string | null, RegExp][] = [
      [send(url, form({ file: file('one') })), 400, 'size', /size is required/],
      [send(url, form({ ...whole, size: 'large' })), 400, 'size', /number/],
      [send(url, form({ ...whole, size: '11' })), 400, 'size', /10/],
      [send(url, form({ ...whole, words: ['a', 'c'] })), 400, 'words[1]', /words\[1\] must be one of a, b/],
      [send(url, form({ ...whole, model: 'cat' })), 404, 'model', /cat/],
      [
        send(url, form({ ...whole, file: file('x'.repeat(2000)) })),
        413,
        'file',
        /a\.txt is larger than the limit of 1000 bytes/,
      ],
      [
        send(url, form({ ...whole, model: 'x'.repeat(2 ** 21) })),
        413,
        'model',
        /the field model is larger than the limit of 1 MiB/,
      ],
      [send(url, form({ ...whole, 'image[]': file('x'.repeat(2000)) })), 413, 'image', /a\.txt is larger/],
      [send(url, form({ ...whole, file: [file('1'), file('2'), file('3')] })), 413, null, /more than 2 files/],
      [send(url, '{"size":1}', { 'content-type': 'application/json' }), 415, null, /multipart\/form-data/],
      [send(url, 'size=1', { 'content-type': 'application/x-www-form-urlencoded' }), 415, null, /./],
      [send(url, '--b\r\nhalf a form', { 'content-type': boundary }), 400, null, /incomplete/],
      [send(url, 'no form', { 'content-type': 'multipart/form-data' }), 400, null, /boundary/],
    ];
    for (const [asked, status, param, says] of cases) {
      const response = await asked;
      const error = await errorOf(response);
      assert.equal(response.status, status, error.message);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, says);
      assert.equal(error.type, 'invalid_request_error');
      assert.ok(error.code && error.hint, `${error.message}: ${error.code}, ${error.hint}`);
    }
    await until(() => uploads().length === 0);
  });

  it('leaves nothing behind when its client disconnects during the upload', async () => {
    const { url, metric } = await start({ ...formRoute, files: { bytes: 1e9 } });
    const sent = request(`${url}/form`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    sent.on('error', () => {});
    sent.write('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a file');
    await until(() => uploads().length === 1);
    sent.destroy();
    await until(() => uploads().length === 0);
    await until(async () => (await metric('rbee_requests_total\\{path="/form",status="499"\\}')) === 1);
  });

  it('is refused where JSON is required', async () => {
    const { url } = await start(formRoute, { path: '/json', schema: {}, handler: async () => ({}) });
    const response = await fetch(`${url}/json`, { method: 'POST', body: form({ size: '1' }) });
    assert.equal(response.status, 415);
  });
});

describe('an answer', () => {
  const get = (path: string, handler: Route<string>['handler'], more: Partial<Route<string>> = {}): Route<string> => ({
    method: 'GET',
    path,
    handler,
    ...more,
  });

  it('may be text, bytes or a stream, with its own status and headers', async () => {
    const { url } = await start(
      get('/text', async () => rawAnswer({ contentType: 'text/vtt', body: 'WEBVTT', headers: { 'x-made-by': 'us' } })),
      get('/bytes', async () => rawAnswer({ contentType: 'image/png', body: Buffer.of(1, 2, 3), status: 201 })),
      get('/stream', async () => rawAnswer({ contentType: 'audio/wav', body: Readable.from(['a', 'b']) })),
    );
    const text = await fetch(`${url}/text`);
    assert.deepEqual(
      [text.headers.get('content-type'), text.headers.get('x-made-by'), await text.text()],
      ['text/vtt', 'us', 'WEBVTT'],
    );
    const bytes = await fetch(`${url}/bytes`);
    assert.equal(bytes.status, 201);
    assert.deepEqual(Buffer.from(await bytes.arrayBuffer()), Buffer.of(1, 2, 3));
    assert.equal(await (await fetch(`${url}/stream`)).text(), 'ab');
  });

  it('holds its slot until its stream has ended, and never looks complete if the stream broke off', async () => {
    const { promise: broken, reject: breakOff } = Promise.withResolvers<string>();
    broken.catch(() => {});
    const { url, metric } = await start(
      get('/half', async () =>
        rawAnswer({
          contentType: 'text/plain',
          body: Readable.from(
            (async function* () {
              yield 'half';
              yield await broken;
            })(),
          ),
        }),
      ),
    );
    const response = await fetch(`${url}/half`);
    assert.equal(await metric('rbee_requests_running'), 1);
    breakOff(new Error('the engine has gone'));
    await assert.rejects(response.text());
    await until(async () => (await metric('rbee_requests_running')) === 0);
  });

  it('ends its source when the client disconnects', async () => {
    let ended = false;
    const { url } = await start(
      get('/endless', async () => {
        const body = new Readable({ read: () => {} });
        body.push('first');
        body.once('close', () => {
          ended = true;
        });
        return rawAnswer({ contentType: 'text/plain', body });
      }),
    );
    const leaving = new AbortController();
    const response = await fetch(`${url}/endless`, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    await until(() => ended);
  });

  it('to a GET gets the query and the part of the path that matches the star', async () => {
    const { url } = await start(
      get('/files/*', async ({ body, rest, url: asked }: WorkerRequest) => ({ body, rest, asked }), {
        schema: { type: 'object', properties: { page: { type: 'integer' }, tag: { type: 'array' } } },
      }),
    );
    const response = await fetch(`${url}/files/a/b.png?page=2&tag=x`);
    assert.deepEqual(await response.json(), {
      body: { page: 2, tag: ['x'] },
      rest: 'a/b.png',
      asked: '/files/a/b.png?page=2&tag=x',
    });
    assert.equal((await fetch(`${url}/files/a?page=two`)).status, 400);
    assert.equal((await fetch(`${url}/files/a?model=cat`)).status, 404);
  });

  it('without a slot does not wait for one', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { url, metric } = await start(
      get('/slow', async () => held.then(() => ({ slow: true }))),
      get('/free', async () => ({ free: true }), { slot: false }),
    );
    const slow = fetch(`${url}/slow`);
    await until(async () => (await metric('rbee_requests_running')) === 1);
    assert.deepEqual(await (await fetch(`${url}/free`)).json(), { free: true });
    release();
    await slow;
  });

  it('may have named events, and no [DONE]', async () => {
    const { url } = await start(
      get(
        '/events',
        async (_request, { stream }) => {
          const events = stream();
          events.send({ step: 1 }, 'progress');
          events.send({ step: 2 });
        },
        { done: false },
      ),
    );
    assert.equal(
      await (await fetch(`${url}/events`)).text(),
      'event: progress\ndata: {"step":1}\n\ndata: {"step":2}\n\n',
    );
  });
});

describe('a raw body', () => {
  const forward: Route<string> = {
    path: '/forward/*',
    body: 'raw',
    files: { bytes: 1000 },
    handler: async ({ raw, headers, rest }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of raw ?? []) chunks.push(chunk as Buffer);
      return { type: headers['content-type'] ?? null, rest, text: Buffer.concat(chunks).toString() };
    },
  };

  it('is passed on unchanged, whatever its type', async () => {
    const { url } = await start(forward);
    for (const type of ['application/json', 'multipart/form-data; boundary=b', 'image/png']) {
      const response = await fetch(`${url}/forward/a/b`, {
        method: 'POST',
        body: '{ not json',
        headers: { 'content-type': type },
      });
      assert.deepEqual(await response.json(), { type, rest: 'a/b', text: '{ not json' });
    }
    const empty = await fetch(`${url}/forward/a`, { method: 'POST' });
    assert.deepEqual(await empty.json(), { type: null, rest: 'a', text: '' });
  });

  it('has a size limit', async () => {
    const { port } = await start(forward);
    const sent = request({ port, path: '/forward/a', method: 'POST', headers: { 'content-type': 'text/plain' } });
    sent.on('error', () => {});
    sent.end('x'.repeat(2000));
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 413);
  });
});

describe('a request that is refused before its body has arrived', () => {
  // A worker used to answer 413 and close at once, which reset the connection: of 40 clients that were still writing, 7
  // got "write EPIPE" instead of the answer.
  it('is read to its end, so that its client sees the answer', async () => {
    const { port } = await start({ path: '/echo', handler: async ({ body }) => body });
    const head = { 'content-type': 'application/json' };
    for (const [body, headers] of [
      [Buffer.alloc(12 * 2 ** 20, ' '), { ...head, 'content-length': 12 * 2 ** 20 }],
      [Buffer.alloc(12 * 2 ** 20, ' '), head],
    ] as const) {
      // A client that reads nothing until it has written everything.
      const socket = connect(port, '127.0.0.1');
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const isChunked = !('content-length' in headers);
      socket.write(`POST /echo HTTP/1.1\r\nhost: x\r\n${lines.join('')}`);
      socket.write(isChunked ? `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n` : '\r\n');
      socket.pause();
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.write(body, (error) => (error ? reject(error) : resolve()));
      });
      if (isChunked) socket.write('\r\n0\r\n\r\n');
      socket.write('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      const answers = Buffer.concat(await socket.toArray()).toString();
      assert.deepEqual(answers.match(/HTTP\/1.1 [^\r]*/g), ['HTTP/1.1 413 Payload Too Large', 'HTTP/1.1 200 OK']);
    }
  });

  it('is read to its end although its client wants the connection closed, and sends slowly', async () => {
    const { port } = await start({ path: '/echo', handler: async ({ body }) => body });
    const socket = connect(port, '127.0.0.1').pause();
    const failed = new Promise<never>((_resolve, reject) => socket.once('error', reject));
    const head = 'content-type: application/json\r\nconnection: close';
    socket.write(`POST /echo HTTP/1.1\r\nhost: x\r\n${head}\r\ncontent-length: ${12 * 2 ** 20}\r\n\r\n`);
    for (let piece = 0; piece < 24; piece++) {
      socket.write(Buffer.alloc(2 ** 19, ' '));
      await Promise.race([sleep(10), failed]);
    }
    const answer = Buffer.concat(await Promise.race([socket.toArray(), failed])).toString();
    assert.match(answer, /^HTTP\/1.1 413 [\s\S]*"code":"body_too_large"/);
  });
});
