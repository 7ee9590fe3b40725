/** What clients do out of habit, through the whole server for applications. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { pino } from 'pino';
import type { HiveWorker } from '../../contract/hive-api.ts';
import { bodyStores } from '../bodies/body-stores.ts';
import type { FleetWorker } from '../fleet.ts';
import { Gateway, type GatewayOptions } from '../gateway.ts';
import { listening, memoryFleet, workerWith } from '../testing.ts';
import { applicationApi } from './application-api.ts';
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
