import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { pathsFrom } from '../config/paths.ts';
import type { RbeeConfig } from '../config/rbee-conf.ts';
import type { HealthBody } from '../contract/api/hive-api.ts';
import type { JobEvent } from '../contract/api/narration.ts';
import type { FleetStatus, JobView } from '../contract/api/queen-api.ts';
import { RbeeError } from '../contract/errors.ts';
import type { WorkerView } from '../contract/worker.ts';
import { connectQueen } from './client/client.ts';
import { type Queen, startQueen } from './main.ts';
import { listening, type SimulatedHive, simulatedHive, type TestServer, until, workerWith } from './testing.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-queen-'));
after(() => rmSync(home, { recursive: true, force: true }));

const paths = pathsFrom({ RBEE_HOME: home });
const config: RbeeConfig = {
  queen: {
    mode: 'attached-hive',
    port: 0,
    bind: '127.0.0.1',
    autoStart: true,
    allowedOrigins: ['http://localhost:3000'],
    maxBody: 1024 ** 3,
  },
  gateway: {
    listen: null,
    keys: 'auto',
    tlsCert: null,
    tlsKey: null,
    allowedHosts: [],
    allowedOrigins: [],
    maxWait: 120,
    aliases: new Map(),
  },
  hive: { workerPorts: '18000-18999' },
  package: { maxConcurrentInstalls: 10, sshTimeout: 30, healthCheckTimeout: 60 },
  registry: { url: null, allowedScopes: [] },
};
const logger = pino({ level: 'silent' });
const client = connectQueen({ socketPath: paths.queenSocket });
const start = (hives: SimulatedHive[], over: Partial<RbeeConfig['queen']> = {}): Promise<Queen> =>
  startQueen({
    paths,
    config: { ...config, queen: { ...config.queen, ...over } },
    env: {},
    version: '0.1.0',
    logger,
    hives,
  });

const failure = async (promise: Promise<unknown>): Promise<RbeeError> => {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof RbeeError, String(error));
    return error;
  }
  throw new Error('it did not fail');
};

let hive: SimulatedHive;
let queen: Queen;
let engine: TestServer;
/** Bodies of the requests that the engine received. */
let asked: Record<string, unknown>[] = [];
let stall: (() => void) | undefined;

before(async () => {
  engine = await listening(async (incoming, response) => {
    let text = '';
    for await (const piece of incoming) text += piece;
    const body = JSON.parse(text) as Record<string, unknown>;
    asked.push(body);
    if (body['seed'] === 400) {
      response.writeHead(400, { 'content-type': 'application/json' });
      return response.end('{"error":{"message":"the context is full","type":"invalid_request_error"}}');
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (chunk: unknown) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    say({ choices: [{ delta: { role: 'assistant', content: null } }] });
    for (const content of ['Bees ', 'are ', 'béautiful.'])
      say({ choices: [{ delta: { content }, finish_reason: null }] });
    if (body['seed'] === 13) return stall?.();
    say({ choices: [{ delta: {}, finish_reason: 'stop' }] });
    say({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 } });
    return response.end('data: [DONE]\n\n');
  });
});
after(() => engine.close());

const begin = async (...hives: SimulatedHive[]) => {
  asked = [];
  hive = hives[0] ?? simulatedHive('local', [workerWith({ port: engine.port })]);
  queen = await start(hives.length > 0 ? hives : [hive]);
  await until(
    async () => (await client.get<FleetStatus>('/v1/status')).hives.every(({ status }) => status === 'online'),
    'online',
  );
};
afterEach(async () => {
  await queen?.close();
});

describe('the queen', () => {
  it('answers reads from memory, with its real address and without keys', async () => {
    await begin();
    const status = await client.get<FleetStatus>('/v1/status');
    assert.equal(status.queen.url, queen.url);
    assert.deepEqual(status.models, ['demo']);
    assert.equal(status.workers[0]?.id, 'fake-1');
    assert.ok(!JSON.stringify(status).includes('secret'));
    const { workers } = await client.get<{ workers: WorkerView[] }>('/v1/workers?hive=local');
    assert.equal(workers[0]?.hive, 'local');
    assert.equal((await client.get<HealthBody>('/health')).name, 'queen');
    assert.equal((await failure(client.get('/v1/workers/nope'))).code, 'WORKER_NOT_FOUND');
    assert.equal((await failure(client.get('/v1/workers?hvie=local'))).hint, 'did you mean hive?');
    assert.equal((await failure(client.get('/v1/hives/nope'))).code, 'HIVE_NOT_FOUND');
    assert.equal((await failure(client.get('/v1/nope'))).code, 'NOT_FOUND');
    assert.equal((await failure(client.get('/v1/jobs?limit=many'))).code, 'INVALID_INPUT');
    const { operations } = await client.get<{ operations: { name: string }[] }>('/v1/operations');
    assert.ok(operations.some(({ name }) => name === 'worker_spawn'));
  });

  it('answers HEAD like GET, and other methods with the ones that a path allows', async () => {
    await begin();
    const ask = async (method: string, path: string, socketPath?: string) => {
      const { hostname, port } = new URL(queen.url);
      const outgoing = request(socketPath ? { socketPath, method, path } : { hostname, port, method, path }).end();
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      return { status: response.statusCode, allow: response.headers.allow, length: (await text(response)).length };
    };
    for (const socket of [undefined, paths.queenSocket]) {
      assert.deepEqual(await ask('HEAD', '/health', socket), { status: 200, allow: undefined, length: 0 });
      assert.equal((await ask('HEAD', '/v1/models/demo', socket)).status, 200);
      assert.equal((await ask('HEAD', '/v1/models/nope', socket)).status, 404);
      for (const [method, path, allow] of [
        ['POST', '/health', 'GET, HEAD'],
        ['DELETE', '/v1/models', 'GET, HEAD'],
        ['PUT', '/v1/models/demo', 'GET, HEAD'],
      ] as const) {
        const answer = await ask(method, path, socket);
        assert.deepEqual([answer.status, answer.allow], [405, allow], `${method} ${path}`);
      }
    }
    const onSocket = (method: string, path: string) => ask(method, path, paths.queenSocket);
    assert.equal((await onSocket('HEAD', '/v1/status')).status, 200);
    assert.equal((await onSocket('HEAD', '/v1/workers/fake-1')).status, 200);
    assert.equal((await onSocket('POST', '/v1/workers/fake-1')).allow, 'GET, HEAD');
    assert.equal((await onSocket('PATCH', '/v1/jobs/job-1')).allow, 'DELETE, GET, HEAD');
    assert.equal((await onSocket('PUT', '/v1/jobs')).allow, 'GET, HEAD, POST');
    assert.equal((await onSocket('GET', '/v1/jobs/job-1/answers')).allow, 'POST');
    // HEAD is not supported for endless streams.
    assert.equal((await onSocket('HEAD', '/v1/jobs/job-1/events')).allow, 'GET');
    assert.equal((await ask('POST', '/v1/jobs')).status, 401, 'operations over TCP need a key');
  });

  it('runs once per state folder, and leaves only its database behind', async () => {
    await begin();
    assert.equal(readFileSync(paths.queenPid, 'utf8'), `${process.pid}\n`);
    assert.equal((await failure(start([]))).code, 'QUEEN_BUSY');
    await queen.close();
    assert.ok(!existsSync(paths.queenPid));
    assert.equal((await failure(client.get('/v1/status'))).code, 'QUEEN_NOT_RUNNING');
    await begin();
  });

  it('accepts only its own user on the socket', async () => {
    await begin();
    assert.equal(statSync(paths.queenSocket).mode & 0o777, 0o600);
    assert.equal(statSync(paths.state).mode & 0o777, 0o700);
  });

  it('names a taken port, and an address that this machine does not have', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await until(() => other.listening, 'listening');
    const { port } = other.address() as { port: number };
    const taken = await failure(start([], { port }));
    assert.equal(taken.code, 'PORT_TAKEN');
    assert.match(taken.message, new RegExp(String(port)));
    other.close();
    assert.equal((await failure(start([], { bind: '203.0.113.7' }))).code, 'CONFIG_INVALID');
    await begin();
  });

  it('finishes a running answer when it closes', async () => {
    await begin();
    let finish = () => {};
    const slow = await listening((incoming, response) => {
      incoming.resume();
      response.write('{"a":');
      finish = () => response.end('1}');
    });
    hive.workers = [workerWith({ port: slow.port })];
    hive.tell();
    await until(async () => (await client.get<WorkerView>('/v1/workers/fake-1')).port === slow.port, 'the new port');
    const body = '{"model":"demo"}';
    const response = await fetch(`${queen.url}/v1/embeddings`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    const closing = queen.close();
    await until(
      async () => (await fetch(`${queen.url}/health`).catch(() => 'refused')) === 'refused',
      'the queen stopped listening',
    );
    finish();
    assert.deepEqual(await response.json(), { a: 1 });
    await closing;
    await slow.close();
  });
});

describe('operations', () => {
  it('spawn a worker on the hive, with narration, and return it when ready', async () => {
    await begin(simulatedHive());
    const events: JobEvent[] = [];
    let id = '';
    const onStarted = (job: string) => (id = job);
    const worker = await client.runOperation(
      'worker_spawn',
      { type: 'fake', model: 'demo' },
      { onEvent: (event) => events.push(event), onStarted },
    );
    assert.equal(worker.state, 'ready');
    assert.ok(!('apiKey' in worker));
    assert.deepEqual(
      events.map(({ seq, kind }) => [seq, kind]),
      [
        [1, 'step'],
        [2, 'result'],
      ],
    );
    const { workers } = await client.get<{ workers: WorkerView[] }>('/v1/workers');
    assert.equal(workers.length, 1);
    const job = await client.get<JobView>(`/v1/jobs/${id}`);
    assert.deepEqual(
      [job.state, job.operation, job.input],
      ['succeeded', 'worker_spawn', { type: 'fake', model: 'demo' }],
    );
    assert.equal((await client.get<{ jobs: JobView[] }>('/v1/jobs')).jobs[0]?.id, id);
  });

  it('are refused before they start if the input is invalid', async () => {
    await begin();
    const wrong = await failure(client.startJob('worker_spawn', { type: 'fake', devise: 'cpu' } as never));
    assert.deepEqual([wrong.code, wrong.hint], ['INVALID_INPUT', 'did you mean device?']);
    const unknown = await failure(client.startJob('worker_spwan' as never, {} as never));
    assert.deepEqual([unknown.code, unknown.hint], ['UNKNOWN_OPERATION', 'known operations: worker_spawn']);
    assert.equal((await failure(client.runOperation('worker_stop', { worker: 'nope' }))).code, 'WORKER_NOT_FOUND');
    assert.equal(
      (await failure(client.runOperation('worker_spawn', { type: 'fake', hive: 'nope' }))).code,
      'HIVE_NOT_FOUND',
    );
    assert.equal(
      (await failure(client.runOperation('worker_spawn', { type: 'fake', model: 'nonsense' }, {}))).code,
      'MODEL_REFERENCE_INVALID',
    );
    assert.equal(hive.calls.filter((call) => call.startsWith('spawn')).length, 0);
  });

  it('are cancelled on the hive when their job is', async () => {
    await begin(simulatedHive());
    const told = new AbortController();
    hive.onSpawn = (_, signal) =>
      new Promise((_, reject) =>
        signal?.addEventListener(
          'abort',
          () => {
            told.abort();
            reject(signal.reason);
          },
          { once: true },
        ),
      );
    const controller = new AbortController();
    const spawn = client.runOperation('worker_spawn', { type: 'fake' }, { signal: controller.signal });
    await until(() => hive.calls.length === 1, 'the hive was asked');
    controller.abort();
    assert.equal((await failure(spawn)).code, 'CANCELLED');
    assert.ok(told.signal.aborted);
  });

  it('stop, start, restart and delete a worker', async () => {
    await begin();
    assert.equal((await client.runOperation('worker_stop', { worker: 'fake-1' })).state, 'stopped');
    assert.equal((await client.runOperation('worker_start', { worker: 'fake-1' })).state, 'ready');
    assert.equal((await client.runOperation('worker_restart', { worker: 'fake-1', now: true })).state, 'ready');
    assert.equal((await client.runOperation('worker_delete', { worker: 'fake-1' })).id, 'fake-1');
    assert.deepEqual((await client.get<{ workers: WorkerView[] }>('/v1/workers')).workers, []);
    assert.deepEqual(hive.calls, ['stop fake-1', 'start fake-1', 'restart fake-1', 'delete fake-1']);
  });

  it('put a worker to sleep and wake it; a sleeping worker still serves its model', async () => {
    await begin();
    assert.equal((await client.runOperation('worker_sleep', { worker: 'fake-1' })).state, 'sleeping');
    assert.deepEqual((await client.get<FleetStatus>('/v1/status')).models, ['demo']);
    assert.equal((await client.runOperation('worker_wake', { worker: 'fake-1' })).state, 'ready');
    await client.runOperation('worker_sleep', { worker: 'fake-1', now: true });
    const target = await client.runOperation('model_load', { model: 'demo', kind: 'chat' });
    assert.equal(target.worker, 'fake-1');
    const unload = { model: 'demo', sleep: true };
    assert.deepEqual(
      (await client.runOperation('model_unload', unload)).workers.map(({ state }) => state),
      ['sleeping'],
    );
    hive.onSleep = async (worker) => {
      throw RbeeError.of('WORKER_CANNOT_SLEEP', { worker, problem: 'its worker type has no sleep', hint: '' });
    };
    assert.equal(
      (await failure(client.runOperation('worker_sleep', { worker: 'fake-1' }))).code,
      'WORKER_CANNOT_SLEEP',
    );
    assert.deepEqual(
      (await client.runOperation('model_unload', unload)).workers.map(({ state }) => state),
      ['stopped'],
    );
  });

  it('refuse a name that means another model on another hive', async () => {
    const one = simulatedHive('one', [
      workerWith({ names: ['qwen'], model: 'qwen', reference: 'file:/models/qwen.gguf' }),
    ]);
    await begin(simulatedHive(), one);
    const other = { type: 'fake', model: 'file:/other/qwen.gguf' };
    assert.equal((await failure(client.runOperation('worker_spawn', other))).code, 'NAME_CONFLICT');
    await client.runOperation('worker_spawn', { ...other, name: 'qwen-other' });
    await client.runOperation('worker_spawn', { type: 'fake', model: 'file:/models/qwen.gguf' });
  });

  it('distinguish a hive inside the queen from one that can be stopped', async () => {
    await begin();
    assert.equal((await failure(client.runOperation('hive_stop', { hive: 'local' }))).code, 'HIVE_ATTACHED');
    assert.equal(
      (await failure(client.runOperation('hive_restart', { hive: 'local' }))).hint,
      'use rbee queen restart, or set mode = "standalone" under [queen] in rbee.conf',
    );
    assert.equal((await client.runOperation('hive_get', { hive: 'local' })).status, 'online');
    assert.equal((await client.runOperation('worker_catalog_refresh', {})).types[0]?.type, 'fake');
  });

  it('on other machines are refused without any, and for the local hive', async () => {
    await begin();
    for (const operation of ['package_sync', 'package_status', 'package_migrate'] as const) {
      assert.equal((await failure(client.runOperation(operation, {}))).code, 'REMOTE_HIVES_DISABLED');
    }
    for (const operation of ['hive_ssh_test', 'hive_logs'] as const) {
      assert.equal((await failure(client.runOperation(operation, { hive: 'local' }))).code, 'HIVE_IS_LOCAL');
    }
    const relative = await failure(client.runOperation('package_sync', { config: 'hives.conf' }));
    assert.equal(relative.code, 'INVALID_INPUT');
  });

  it('return the log of a worker', async () => {
    await begin();
    let text = '';
    for await (const piece of await client.logs({ worker: 'fake-1' }, { lines: 7 })) text += piece;
    assert.equal(text, 'last 7 lines of fake-1\n');
    assert.equal((await failure(client.logs({ worker: 'nope' }))).code, 'WORKER_NOT_FOUND');
  });
});

describe('infer', () => {
  it('streams the text of a served model and reports its usage', async () => {
    await begin();
    let text = '';
    const onEvent = (event: JobEvent) => {
      if (event.kind === 'text') text += event.text;
    };
    const input = {
      model: 'demo',
      prompt: 'What of bees?',
      system: 'Be brief.',
      maxTokens: 9,
      temperature: 0,
      topP: 1,
      seed: 1,
      stop: ['x'],
    };
    const result = await client.runOperation('infer', input, { onEvent });
    assert.equal(text, 'Bees are béautiful.');
    assert.equal(result.text, text);
    assert.deepEqual(
      [result.model, result.worker, result.finishReason, result.usage?.total_tokens],
      ['demo', 'fake-1', 'stop', 6],
    );
    assert.deepEqual(asked, [
      {
        model: 'demo',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'What of bees?' },
        ],
        max_tokens: 9,
        temperature: 0,
        top_p: 1,
        seed: 1,
        stop: ['x'],
        stream: true,
        stream_options: { include_usage: true },
      },
    ]);
  });

  it('spawns one worker for an unserved reference, even for concurrent requests', async () => {
    await begin(simulatedHive());
    let bothAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      bothAsked = resolve;
    });
    hive.onSpawn = async () => {
      await asked;
      const worker = workerWith({ port: engine.port });
      hive.workers.push(worker);
      return worker;
    };
    const run = () => client.runOperation('infer', { model: 'demo', prompt: 'hello' });
    const both = Promise.all([run(), run()]);
    await until(
      async () =>
        (await client.get<{ jobs: JobView[] }>('/v1/jobs')).jobs.filter(({ state }) => state === 'running').length ===
        2,
      'both run',
    );
    bothAsked();
    const [first, second] = await both;
    assert.equal(first.text, 'Bees are béautiful.');
    assert.equal(second.text, first.text);
    assert.deepEqual(hive.calls, ['spawn fake demo']);
  });

  it('suggests names that are near an unknown one', async () => {
    await begin();
    const error = await failure(client.runOperation('infer', { model: 'dmeo', prompt: 'hello' }));
    assert.equal(error.code, 'MODEL_NOT_FOUND');
    assert.match(error.message, /did you mean demo/);
  });

  it("reports the engine's error, and a broken connection", async () => {
    await begin();
    const refused = await failure(client.runOperation('infer', { model: 'demo', prompt: 'hello', seed: 400 }));
    assert.equal(refused.code, 'INVALID_INPUT');
    assert.match(refused.message, /the context is full/);
    stall = () => engine.server.closeAllConnections();
    const broken = await failure(client.runOperation('infer', { model: 'demo', prompt: 'hello', seed: 13 }));
    assert.equal(broken.code, 'WORKER_CONNECTION_LOST');
  });

  it('is cancelled in the middle of an answer', async () => {
    await begin();
    stall = () => {};
    const controller = new AbortController();
    const onEvent = (event: JobEvent) => {
      if (event.kind === 'text') controller.abort();
    };
    const input = { model: 'demo', prompt: 'hello', seed: 13 };
    assert.equal(
      (await failure(client.runOperation('infer', input, { onEvent, signal: controller.signal }))).code,
      'CANCELLED',
    );
  });
});

describe('the TCP address', () => {
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const { port } = new URL(queen.url);
      const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
        let text = '';
        for await (const piece of response) text += piece;
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
      outgoing.on('error', reject).end(method === 'POST' ? '{"model":"demo"}' : undefined);
    });

  it('offers inference and health, and no operations without a key', async () => {
    await begin();
    assert.equal((await ask('/health')).status, 200);
    assert.equal((await ask('/v1/models')).status, 200);
    for (const path of ['/v1/status', '/v1/workers', '/v1/jobs', '/v1/hives'])
      assert.equal((await ask(path)).status, 401, path);
    assert.equal((await ask('/v1/jobs', { 'content-type': 'application/json' }, 'POST')).status, 401);
  });

  it('cannot be used by a web page', async () => {
    await begin();
    const json = { 'content-type': 'application/json' };
    const chat = '/v1/chat/completions';
    const refused: [Record<string, string>, string?][] = [
      [{ host: 'evil.example' }],
      [{ host: 'localhost:x' }],
      [{ host: `127.0.0.1.evil.example:${new URL(queen.url).port}` }],
      [{ origin: 'https://evil.example' }],
      [{ origin: 'null' }],
      [{ 'sec-fetch-site': 'cross-site' }],
      [{ 'sec-fetch-site': 'same-site' }],
    ];
    for (const [headers] of refused) {
      for (const [path, method] of [
        ['/v1/models', 'GET'],
        [chat, 'POST'],
        [chat, 'OPTIONS'],
      ] as const) {
        const answer = await ask(path, { ...json, ...headers }, method);
        assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)}`);
        assert.match(answer.text, /forbidden_origin/);
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
      }
    }
    const form = { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' };
    assert.equal((await ask(chat, form, 'POST')).status, 415);
    assert.equal(asked.length, 0);
  });

  // A request line can also name a host, which takes precedence over the Host header. It used to be ignored.
  it('refuses a request line with another host, and accepts its own', async () => {
    await begin();
    const { host } = new URL(queen.url);
    for (const target of ['http://evil.example/health', 'http://evil.example', `https://${host}/health`])
      assert.equal((await ask(target, { host })).status, 403, target);
    for (const target of [`http://${host}/health`, `HTTP://${host}/v1/models?a=b`])
      assert.equal((await ask(target, { host })).status, 200, target);
    const chat = await ask(`http://${host}/v1/chat/completions`, { host, 'content-type': 'application/json' }, 'POST');
    assert.equal(chat.status, 200);
  });

  it('accepts pages that the configuration names, and any loopback name', async () => {
    await begin();
    const { port } = new URL(queen.url);
    for (const host of [`localhost:${port}`, 'localhost:1', 'localhost', '127.0.0.1:18555'])
      assert.equal((await ask('/health', { host })).status, 200, host);
    assert.equal((await ask('/health', { 'sec-fetch-site': 'none' })).status, 200);
    const origin = 'http://localhost:3000';
    const preflight = await ask(
      '/v1/chat/completions',
      { origin, 'access-control-request-headers': 'content-type' },
      'OPTIONS',
    );
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, origin]);
    assert.equal(preflight.headers['access-control-allow-methods'], 'GET, POST, PUT, DELETE');
    const answer = await ask('/v1/chat/completions', { origin, 'content-type': 'application/json' }, 'POST');
    assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [200, origin]);
    assert.match(answer.text, /\[DONE\]/);
  });
});

describe('a sleeping worker', () => {
  const sleeping = (over: object = {}) => workerWith({ port: engine.port, state: 'sleeping', ...over });
  const chat = (signal?: AbortSignal) =>
    fetch(`${queen.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo' }),
      signal: signal ?? null,
    });

  it('is woken once by concurrent requests for its model', async () => {
    await begin(simulatedHive('local', [sleeping()]));
    const { promise, resolve } = Promise.withResolvers<void>();
    hive.onWake = () => promise;
    const models = (await (await fetch(`${queen.url}/v1/models`)).json()) as { data: { id: string }[] };
    assert.deepEqual(
      models.data.map(({ id }) => id),
      ['demo'],
    );
    const left = new AbortController();
    const leaving = assert.rejects(chat(left.signal));
    const answers = Array.from({ length: 8 }, () => chat());
    await until(() => hive.wakes === 1, 'the wake was asked for');
    left.abort();
    await leaving;
    resolve();
    for (const answer of await Promise.all(answers)) {
      assert.equal(answer.status, 200);
      assert.match(await answer.text(), /\[DONE\]/);
    }
    assert.deepEqual(hive.calls, ['wake fake-1']);
  });

  it('that does not wake is reported, and another one is woken if there is one', async () => {
    await begin(simulatedHive('local', [sleeping()]));
    hive.onWake = async (worker) => {
      if (worker === 'fake-1')
        throw RbeeError.of('WORKER_SLEEP_FAILED', {
          worker,
          action: 'woken',
          problem: 'it answered 500: out of memory',
        });
    };
    const answer = await chat();
    assert.equal(answer.status, 502);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    assert.equal(error.code, 'worker_sleep_failed');
    assert.match(error.message, /fake-1 could not be woken: it answered 500: out of memory/);
    hive.workers.push(sleeping({ id: 'fake-2' }));
    hive.tell();
    await until(async () => (await client.get<FleetStatus>('/v1/status')).workers.length === 2, 'both are known');
    const second = await chat();
    assert.equal(second.headers.get('x-rbee-worker'), 'fake-2');
    assert.match(await second.text(), /\[DONE\]/);
  });
});
