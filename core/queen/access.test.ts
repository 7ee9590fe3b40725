import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import fastify from 'fastify';
import { pino } from 'pino';
import { pathsFrom } from '../config/paths.ts';
import { parseRbeeConf } from '../config/rbee-conf.ts';
import { type AuditEntry, includesScope, type NewKey, type Scope, scopes } from '../contract/api/access.ts';
import { neededScope, type OperationName, operations } from '../contract/api/operations.ts';
import type { FleetStatus } from '../contract/api/queen-api.ts';
import { applicationApi } from '../gateway/api/application-api.ts';
import { guard } from '../gateway/api/guard.ts';
import { connectQueen } from './client/client.ts';
import { type Queen, startQueen } from './main.ts';
import { operationsApi } from './server/operations-api.ts';
import { listening, type SimulatedHive, simulatedHive, type TestServer, until, workerWith } from './testing.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-access-'));
after(() => rmSync(home, { recursive: true, force: true }));
const paths = pathsFrom({ RBEE_HOME: home });
const client = connectQueen({ socketPath: paths.queenSocket });

let queen: Queen;
let engine: TestServer;
/** Paths of the requests that reached a worker. */
let reached: string[] = [];
/** Headers of the last of them. */
let heard: IncomingMessage['headers'] = {};
let hold: (() => void) | undefined;
const hives: SimulatedHive[] = [];

before(async () => {
  engine = await listening(async (incoming, response) => {
    reached.push(incoming.url ?? '');
    heard = incoming.headers;
    const body = await text(incoming);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"usage":{"total_tokens":7}');
    if (body.includes('"hold"')) hold = () => response.end('}');
    else response.end('}');
  });
});
after(() => engine.close());

const begin = async (conf: string): Promise<void> => {
  reached = [];
  const config = parseRbeeConf(conf, 'rbee.conf');
  const two = workerWith({ id: 'fake-2', hive: 'pi', port: engine.port, model: 'other', names: ['other'] });
  hives.splice(0, 2, simulatedHive('local', [workerWith({ port: engine.port })]), simulatedHive('pi', [two]));
  queen = await startQueen({ paths, config, env: {}, version: '0.1.0', logger: pino({ level: 'silent' }), hives });
  await until(async () => (await client.get<FleetStatus>('/v1/status')).models.length === 2, 'both models are served');
};
afterEach(async () => {
  await queen?.close();
  rmSync(paths.state, { recursive: true, force: true });
});

const create = async (over: Partial<NewKey> = {}): Promise<string> => {
  const id = randomBytes(4).toString('hex');
  const key = `rbee_${id}_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  await client.runOperation('key_create', { id, hash, name: `key-${id}`, scope: 'infer', ...over });
  return key;
};

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

const ask = async (method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> => {
  const outgoing = request(`${queen.url}${path}`, { method, headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (/events|follow/.test(path) && response.statusCode === 200) {
    response.destroy();
    return { status: 200, headers: response.headers, body: '' };
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
};
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const json = { 'content-type': 'application/json' };
const chat = (key: string, model = 'demo', more: object = {}) =>
  ask('POST', '/v1/chat/completions', { ...json, ...bearer(key) }, JSON.stringify({ model, ...more }));

/** Every route, what it needs, and a request to it. */
const routes: readonly [route: string, scope: Scope | 'none', path?: string, body?: object][] = [
  ['GET /health', 'none'],
  ['GET /v1/models', 'infer'],
  ['GET /v1/models/*', 'infer', '/v1/models/demo'],
  ['* /*', 'infer', '/v1/chat/completions', { model: 'demo' }],
  ['GET /v1/status', 'operate'],
  ['GET /v1/hives', 'operate'],
  ['GET /v1/hives/:id', 'operate', '/v1/hives/local'],
  ['GET /v1/hives/:id/devices', 'operate', '/v1/hives/local/devices'],
  ['GET /v1/hives/:id/models', 'operate', '/v1/hives/local/models'],
  ['GET /v1/workers', 'operate'],
  ['GET /v1/workers/:id', 'operate', '/v1/workers/fake-1'],
  ['GET /v1/workers/:id/logs', 'operate', '/v1/workers/fake-1/logs'],
  ['GET /v1/catalog', 'operate'],
  ['GET /v1/keys', 'admin'],
  ['GET /v1/secrets', 'admin'],
  ['GET /v1/operations', 'operate'],
  ['POST /v1/jobs', 'operate', '/v1/jobs', { operation: 'queen_status' }],
  ['GET /v1/jobs', 'operate'],
  ['GET /v1/jobs/:id', 'operate', '/v1/jobs/job-none'],
  ['GET /v1/jobs/:id/events', 'operate', '/v1/jobs/job-none/events'],
  ['POST /v1/jobs/:id/answers', 'operate', '/v1/jobs/job-none/answers', { id: 'x', answer: 'y' }],
  ['DELETE /v1/jobs/:id', 'operate', '/v1/jobs/job-none'],
];

describe('who may ask', () => {
  it('is decided for every route', async () => {
    const app = fastify();
    const found = new Set<string>();
    app.addHook('onRoute', ({ method, url }) => {
      const methods = [method].flat();
      if (methods.length > 2) found.add(`* ${url}`);
      else for (const one of methods) if (one !== 'HEAD') found.add(`${one} ${url}`);
    });
    guard(app);
    const parts = {} as Parameters<typeof operationsApi>[0] & Parameters<typeof applicationApi>[0];
    await app.register(operationsApi({ ...parts, logger: app.log }));
    await app.register(applicationApi({ ...parts, logger: app.log, bodies: { limits: {} } as never }));
    await app.ready();
    const open = ['GET /', 'HEAD /'];
    assert.deepEqual([...found].filter((route) => !open.includes(route)).sort(), routes.map(([route]) => route).sort());
  });

  it('depends on the key, for every route and scope', async () => {
    await begin('[queen]\nport = 0\n[gateway]\nkeys = "always"\n');
    const keys = {
      infer: await create(),
      operate: await create({ scope: 'operate' }),
      admin: await create({ scope: 'admin' }),
    };
    const revoked = await create({ scope: 'admin', name: 'revoked' });
    await client.runOperation('key_revoke', { key: 'revoked' });
    const expired = await create({ scope: 'admin', expiresAt: new Date(Date.now() + 40).toISOString() });
    await until(async () => (await ask('GET', '/v1/models', bearer(expired))).status === 401, 'it has expired');
    const wrong = keys.admin.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A'));
    for (const [route, needed, path, body] of routes) {
      const method = route.startsWith('*') ? 'POST' : (route.split(' ')[0] ?? '');
      const target = path ?? route.split(' ')[1] ?? '';
      const send = (headers: Record<string, string>) =>
        ask(method, target, body ? { ...json, ...headers } : headers, body ? JSON.stringify(body) : '');
      const none = needed === 'none' ? 200 : 401;
      assert.equal((await send({})).status, none, `${route} without a key`);
      for (const key of [wrong, revoked, expired, 'sk-dummy', 'rbee_00000000_'])
        assert.equal((await send(bearer(key))).status, none, `${route} with ${key.slice(0, 14)}`);
      for (const scope of scopes) {
        const { status, body: said } = await send(bearer(keys[scope]));
        const isEnough = needed === 'none' || includesScope(scope, needed);
        assert.equal(status === 401 || status === 403, !isEnough, `${route} with scope ${scope}: ${status} ${said}`);
        if (!isEnough) assert.match(said, /needs a key with scope/i);
      }
    }
    assert.ok((await ask('GET', '/v1/models')).headers['www-authenticate']);
    assert.equal((await ask('GET', '/health')).body, '{"status":"ok"}', 'nothing more without a key');
  });

  it('takes a key from each header that clients use', async () => {
    await begin('[queen]\nport = 0\n[gateway]\nkeys = "always"\n');
    const key = await create();
    for (const headers of [
      bearer(key),
      { authorization: `bearer ${key}` },
      { 'x-api-key': key },
      { 'api-key': key },
    ] as Record<string, string>[])
      assert.equal((await ask('GET', '/v1/models', headers)).status, 200, JSON.stringify(Object.keys(headers)));
    for (const headers of [bearer(key), { 'x-api-key': key, 'api-key': key }] as Record<string, string>[]) {
      await ask('POST', '/v1/chat/completions', { ...json, ...headers }, '{"model":"demo"}');
      assert.ok(!JSON.stringify(heard).includes(key), 'no worker sees it');
    }
    assert.equal((await ask('GET', `/v1/models?key=${key}`)).status, 401);
    assert.equal((await ask('GET', '/v1/models', { authorization: `Basic ${key}` })).status, 401);
  });

  it('needs no key on this machine, where clients may send any, but not a revoked one of this queen', async () => {
    await begin('[queen]\nport = 0\n');
    assert.equal((await chat('sk-dummy')).status, 200);
    assert.equal((await ask('POST', '/v1/chat/completions', json, '{"model":"demo"}')).status, 200);
    const key = await create({ name: 'old' });
    assert.equal((await chat(key)).status, 200);
    await client.runOperation('key_revoke', { key: 'old' });
    assert.equal((await chat(key)).status, 401);
    assert.equal((await ask('POST', '/v1/jobs', json, '{"operation":"status"}')).status, 401, 'operations need one');
  });

  it('ends requests of a key that is revoked', async () => {
    await begin('[queen]\nport = 0\n[gateway]\nkeys = "always"\n');
    const key = await create({ name: 'cut' });
    const running = chat(key, 'demo', { hold: true }).then(
      () => 'answered',
      () => 'cut',
    );
    await until(() => hold !== undefined, 'the worker has it');
    await client.runOperation('key_revoke', { key: 'cut' });
    assert.equal(await running, 'cut');
    hold?.();
    hold = undefined;
  });
});

describe('a key for some models or hives', () => {
  it('sees and uses these alone, in lists, errors and near names', async () => {
    await begin('[queen]\nport = 0\n[gateway]\nkeys = "always"\n');
    for (const key of [await create({ models: ['demo'] }), await create({ hives: ['local'] })]) {
      assert.equal((await chat(key)).status, 200);
      for (const name of ['other', 'othr']) {
        const answer = await chat(key, name);
        assert.equal(answer.status, 404);
        assert.ok(!answer.body.replaceAll(`"${name}"`, '').replace(`model ${name}`, '').includes('other'), answer.body);
      }
      const { data } = JSON.parse((await ask('GET', '/v1/models', bearer(key))).body) as { data: { id: string }[] };
      assert.deepEqual(
        data.map(({ id }) => id),
        ['demo'],
      );
      assert.equal((await ask('GET', '/v1/models/other', bearer(key))).status, 404);
    }
    assert.deepEqual([...new Set(reached)], ['/v1/chat/completions']);
  });

  it('operates its hives alone', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate', hives: ['pi'] });
    const get = async (path: string) => ask('GET', path, bearer(key));
    const status = JSON.parse((await get('/v1/status')).body) as FleetStatus;
    assert.deepEqual(
      [status.hives.map(({ alias }) => alias), status.workers.map(({ id }) => id), status.models],
      [['pi'], ['fake-2'], ['other']],
    );
    assert.ok(!(await get('/v1/workers')).body.includes('fake-1'));
    for (const path of [
      '/v1/hives/local',
      '/v1/workers/fake-1',
      '/v1/workers/fake-1/logs',
      '/v1/workers?hive=local',
      '/v1/hives/local/models',
    ])
      assert.equal((await get(path)).status, 403, path);
    const run = (operation: OperationName, input: object) =>
      ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, JSON.stringify({ operation, input }));
    assert.equal((await run('worker_stop', { worker: 'fake-2', hive: 'pi' })).status, 202);
    for (const [operation, input] of [
      ['worker_stop', { worker: 'fake-1', hive: 'local' }],
      ['worker_stop', { worker: 'fake-2' }],
      ['worker_spawn', { type: 'fake' }],
      ['status', {}],
      ['package_status', { hives: ['pi', 'local'] }],
    ] as const)
      assert.equal((await run(operation, input)).status, 403, operation);
  });

  it('reads its own jobs after they have ended, and no others', async () => {
    await begin('[queen]\nport = 0\n');
    const [own, other] = [
      await create({ scope: 'operate', hives: ['pi'] }),
      await create({ scope: 'operate', hives: ['pi'] }),
    ];
    const body = JSON.stringify({ operation: 'worker_stop', input: { worker: 'fake-2', hive: 'pi' } });
    const { job_id } = JSON.parse((await ask('POST', '/v1/jobs', { ...json, ...bearer(own) }, body)).body);
    const stateFor = async (key: string) => (await ask('GET', `/v1/jobs/${job_id}`, bearer(key))).body;
    await until(
      async () => (await client.get<{ state: string }>(`/v1/jobs/${job_id}`)).state !== 'running',
      'it ended',
    );
    assert.match(await stateFor(own), /"state":"succeeded"/);
    assert.match(await stateFor(other), /JOB_NOT_FOUND/);
  });

  it('learns no names of other hives and their workers from errors', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate', hives: ['pi'] });
    for (const path of ['/v1/catalog?hive=nowhere', '/v1/workers/fake-11', '/v1/workers/fake-11/logs']) {
      const { status, body } = await ask('GET', path, bearer(key));
      assert.ok(status === 403 || status === 404, `${path}: ${status}`);
      assert.doesNotMatch(body, /local|fake-1\b/, path);
    }
  });

  it('cannot have scope admin, and for models neither scope operate', async () => {
    await begin('[queen]\nport = 0\n');
    await assert.rejects(create({ scope: 'admin', models: ['demo'] }), { code: 'INVALID_INPUT' });
    await assert.rejects(create({ scope: 'operate', models: ['demo'] }), { code: 'INVALID_INPUT' });
  });

  it('operates nothing if it is for models, also when it was stored so', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ models: ['demo'] });
    await queen.close();
    writeFileSync(
      join(paths.state, 'keys.json'),
      readFileSync(join(paths.state, 'keys.json'), 'utf8').replace('"infer"', '"operate"'),
    );
    await begin('[queen]\nport = 0\n');
    const run = (operation: OperationName, input: object) =>
      ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, JSON.stringify({ operation, input }));
    assert.equal((await run('model_unload', { model: 'other' })).status, 403);
    assert.equal((await run('infer', { model: 'other', prompt: 'x' })).status, 403);
    assert.equal((await ask('GET', '/v1/workers', bearer(key))).status, 403);
    assert.equal((await chat(key)).status, 200);
  });
});

describe('operations over TCP', () => {
  const run = (key: string, operation: string, input: object = {}) =>
    ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, JSON.stringify({ operation, input }));
  const over = (key: string) => connectOver(key);
  const connectOver = (key: string) => ({
    outcome: async (operation: string, input: object): Promise<string> => {
      const started = await run(key, operation, input);
      if (started.status !== 202) return JSON.parse(started.body).error.code as string;
      const { job_id } = JSON.parse(started.body) as { job_id: string };
      const job = async () => JSON.parse((await ask('GET', `/v1/jobs/${job_id}`, bearer(key))).body);
      await until(async () => (await job()).state !== 'running', operation);
      const { state, error } = await job();
      return error?.code ?? state;
    },
  });

  it('need the scope of their row, and admin for what names a path, an address or code', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate' });
    const { outcome } = over(key);
    assert.equal(await outcome('worker_spawn', { type: 'fake', model: 'demo' }), 'succeeded');
    for (const [operation, input] of [
      ['worker_install', { plugin: 'x' }],
      ['worker_link', { folder: '/x' }],
      ['secret_set', { name: 'a', value: 'abcdefgh' }],
      ['key_list', {}],
      ['audit_list', {}],
      ['package_sync', {}],
      ['model_download', { model: 'hf:a/b' }],
      ['package_status', { config: '/etc/passwd' }],
      ['hive_start', { hive: 'pi', agent: '/tmp/agent' }],
      ['worker_spawn', { type: 'fake', environment: { LD_PRELOAD: '/x' } }],
      ['worker_spawn', { type: 'fake', options: { extra: ['--host=0.0.0.0'] } }],
      ['worker_spawn', { type: 'fake', options: { template: '/etc/passwd' } }],
      ['worker_spawn', { type: 'fake', options: { token: 'secret:x' } }],
    ] as const)
      assert.equal(await outcome(operation, input), 'SCOPE_MISSING', `${operation} ${JSON.stringify(input)}`);
    for (const input of [
      { type: 'unknown' },
      { type: 'fake', model: 'hf:org/repo' },
      { type: 'fake', model: 'file:/etc/passwd' },
      { type: 'fake', model: 'https://evil.example/x.gguf' },
      { type: 'fake', model: 'demo', components: { mmproj: 'file:/etc/passwd' } },
    ])
      assert.equal(await outcome('worker_spawn', input), 'NOT_PERMITTED', JSON.stringify(input));
    assert.equal(await outcome('model_load', { kind: 'chat', model: 'hf:org/repo' }), 'NOT_PERMITTED');
    for (const name of ['hf:org/repo', 'https://evil.example/x.gguf', 'file:/etc/passwd']) {
      assert.equal(await outcome('worker_spawn', { type: 'fake', model: 'demo', name }), 'succeeded');
      for (const model of [name, `${name}:latest`, name.toUpperCase()])
        assert.equal(
          await outcome('worker_spawn', { type: 'fake', model }),
          'NOT_PERMITTED',
          `served as ${name}: ${model}`,
        );
    }
  });

  it('show and change no jobs of more than their scope', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate' });
    await client.runOperation('secret_list', {});
    const jobs = (await client.get<{ jobs: { id: string; operation: string }[] }>('/v1/jobs')).jobs;
    const secret = jobs.find(({ operation }) => operation === 'secret_list');
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['DELETE', ''],
    ] as const)
      assert.equal((await ask(method, `/v1/jobs/${secret?.id}${path}`, bearer(key))).status, 404, method + path);
    assert.ok(!(await ask('GET', '/v1/jobs', bearer(key))).body.includes('secret_list'));
  });

  it('are recorded: who, which, from where, with what outcome, and never a secret', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate', name: 'ci' });
    await over(key).outcome('worker_stop', { worker: 'fake-1', hive: 'local' });
    await over(key).outcome('worker_install', { plugin: 'evil' });
    await client.runOperation('secret_set', { name: 'token', value: 'very-secret-value' });
    const { entries } = await client.runOperation('audit_list', {});
    const shown = entries.map(({ who, from, operation, outcome, code }: AuditEntry) => [
      who,
      from,
      operation,
      outcome,
      code,
    ]);
    for (const expected of [
      ['owner', 'socket', 'key_create', 'succeeded', undefined],
      ['ci', '127.0.0.1', 'worker_stop', 'started', undefined],
      ['ci', '127.0.0.1', 'worker_stop', 'succeeded', undefined],
      ['ci', '127.0.0.1', 'worker_install', 'refused', 'SCOPE_MISSING'],
      ['owner', 'socket', 'secret_set', 'succeeded', undefined],
    ])
      assert.ok(
        shown.some((entry) => JSON.stringify(entry) === JSON.stringify(expected)),
        `${expected}\n${shown.join('\n')}`,
      );
    const stop = entries.find(({ operation }) => operation === 'worker_stop');
    assert.deepEqual(stop?.about, { hive: 'local', worker: 'fake-1' });
    const file = join(paths.logs, 'audit.log');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /very-secret-value|rbee_/);
    const only = await client.runOperation('audit_list', { key: 'ci', operation: 'worker_install' });
    assert.equal(only.entries.length, 1);
  });
});

describe('the audit', () => {
  const entries = async (): Promise<readonly AuditEntry[]> => (await client.runOperation('audit_list', {})).entries;

  it('has requests that were refused before their operation was read', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ name: 'weak' });
    await ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, '{"operation":"package_sync"}');
    await ask('GET', '/v1/keys', bearer(key));
    await ask('POST', '/v1/jobs', json, '{"operation":"package_sync"}');
    const refused = (await entries()).filter(({ outcome }) => outcome === 'refused');
    assert.deepEqual(
      refused.map(({ who, operation, code }) => [who, operation, code]),
      [
        ['weak', 'POST /v1/jobs', 'SCOPE_MISSING'],
        ['weak', 'GET /v1/keys', 'SCOPE_MISSING'],
      ],
    );
  });

  it('has no secrets of addresses, and who ended the job of another', async () => {
    await begin('[queen]\nport = 0\n');
    const key = await create({ scope: 'operate', name: 'ci' });
    const model = 'https://me:password@models.example/x.gguf?signature=hidden';
    for (const input of [
      { operation: 'model_download', input: { model } },
      { operation: 'worker_install', input: { plugin: 'git+https://me:password@git.example/x?token=hidden' } },
    ])
      assert.equal((await ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, JSON.stringify(input))).status, 403);
    const told = (await entries()).filter(({ outcome }) => outcome === 'refused');
    assert.equal(told.length, 2);
    assert.doesNotMatch(readFileSync(join(paths.logs, 'audit.log'), 'utf8'), /password|hidden/);
    let release = () => {};
    hives[1]!.onSpawn = () => new Promise((_, reject) => (release = () => reject(new Error('gone'))));
    const spawn = JSON.stringify({ operation: 'worker_spawn', input: { type: 'fake', hive: 'pi' } });
    const { job_id } = JSON.parse((await ask('POST', '/v1/jobs', { ...json, ...bearer(key) }, spawn)).body);
    const other = await create({ scope: 'operate', name: 'other' });
    assert.equal((await ask('DELETE', `/v1/jobs/${job_id}`, bearer(other))).status, 202);
    release();
    const cancelled = (await entries()).find(({ operation }) => operation === 'job_cancel');
    assert.deepEqual([cancelled?.who, cancelled?.job], ['other', job_id]);
  });
});

describe('limits of a key', () => {
  it('are told in headers, and refuse with 429 and Retry-After', async () => {
    await begin('[queen]\nport = 0\n[gateway]\nkeys = "always"\n');
    const key = await create({ requestsPerMinute: 2 });
    const first = await chat(key);
    assert.deepEqual(
      [first.status, first.headers['x-ratelimit-limit-requests'], first.headers['x-ratelimit-remaining-requests']],
      [200, '2', '1'],
    );
    await chat(key);
    const third = await chat(key);
    assert.equal(third.status, 429);
    assert.ok(Number(third.headers['retry-after']) > 0);
    assert.equal(third.headers['x-ratelimit-remaining-requests'], '0');
    const frugal = await create({ tokensPerMinute: 7 });
    assert.equal((await chat(frugal)).status, 200);
    assert.equal((await chat(frugal)).status, 429);
  });
});

describe('addresses', () => {
  const pem = (name: string) => {
    const files = { cert: join(home, `${name}.crt`), key: join(home, `${name}.key`) };
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    const names = [
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ];
    assert.equal(spawnSync('openssl', [...args, ...names]).status, 0);
    return files;
  };

  it('can be several, with TLS whose files are reloaded when they change', async () => {
    const [first, second] = [pem('first'), pem('second')];
    const used = { cert: join(home, 'used.crt'), key: join(home, 'used.key') };
    const use = (files: { cert: string; key: string }) => {
      writeFileSync(used.cert, readFileSync(files.cert));
      writeFileSync(used.key, readFileSync(files.key));
    };
    use(first);
    await begin(
      `[gateway]\nlisten = ["127.0.0.1:0", "[::1]:0", "https://127.0.0.1:0"]\ntls_cert = "${used.cert}"\ntls_key = "${used.key}"\n`,
    );
    const { urls = [] } = (await client.get<FleetStatus>('/v1/status')).queen;
    assert.deepEqual(
      urls.map((url) => url.replace(/\d+$/, '')),
      ['http://127.0.0.1:', 'http://[::1]:', 'https://127.0.0.1:'],
    );
    for (const url of urls.slice(0, 2)) assert.equal((await fetch(`${url}/v1/models`)).status, 200, url);
    const shownBy = async (): Promise<string> => {
      const outgoing = secureRequest(`${urls[2]}/v1/models`, { rejectUnauthorized: false, agent: false }).end();
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      assert.equal(response.statusCode, 200);
      const { subject } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
      response.destroy();
      return String(subject.CN);
    };
    assert.equal(await shownBy(), 'first');
    writeFileSync(used.cert, 'not a certificate');
    use(second);
    await until(async () => (await shownBy()) === 'second', 'the new certificate is used', 30_000);
  });

  it('are all used or none', async () => {
    const other = await listening(() => {});
    const conf = `[gateway]\nlisten = ["127.0.0.1:0", "127.0.0.1:${other.port}"]\n`;
    await assert.rejects(begin(conf), { code: 'PORT_TAKEN' });
    await other.close();
    await begin('[queen]\nport = 0\n');
  });
});

describe('the table of operations', () => {
  it('gives each a scope, and lets no path be named without admin', () => {
    for (const [name, { scope, input }] of Object.entries(operations)) {
      assert.ok(scopes.includes(scope), name);
      for (const [field, schema] of Object.entries(input.properties) as [
        string,
        { pattern?: string; description?: string },
      ][]) {
        const namesPath =
          schema.pattern === '^/' || /\b(path|folder|socket|address|tarball)\b/i.test(schema.description ?? '');
        if (!namesPath || isModel(field)) continue;
        assert.equal(neededScope(name as OperationName, { [field]: '/x' }), 'admin', `${name} ${field}`);
      }
    }
  });
});

/** Callers without admin may name known models only. */
const isModel = (field: string): boolean => field === 'model';
