/**
 * What gets installed on other machines, tried on a local stand-in: rbee as packed, and plugins that the machine cannot
 * get itself.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { rawTar } from '../../core/archives/testing.ts';
import { unpackBundle } from '../../core/archives/unpack-bundle.ts';
import { type Paths, pathsFrom } from '../../core/config/paths.ts';
import { RbeeError } from '../../core/contract/errors.ts';
import { bundleApp } from '../../core/delivery/app.ts';
import { Deliveries } from '../../core/delivery/deliveries.ts';
import { createHiveClient, type HiveClient } from '../../core/hive/client.ts';
import { RegistryClient } from '../../core/plugins/fetch/registry-client.ts';
import { InstalledPlugins } from '../../core/plugins/install/installed-plugins.ts';
import { bringDownloads } from '../../core/programs/bring-downloads.ts';
import { downloadCache } from '../../core/programs/download-cache.ts';
import { downloadsFolder } from '../../core/programs/places.ts';
import { startRegistry, writePackage } from '../harness/registry.ts';
import { atFullScale, until } from '../harness/until.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const call = { signal: new AbortController().signal, narrate: () => {} };

interface Machine {
  client: HiveClient;
  paths: Paths;
  close(): Promise<void>;
}

/** A machine with its own home, on which only Node and the unpacked rbee exist. */
const startMachine = async (folder: string, app: { file: string; sha256: string; entry: string }): Promise<Machine> => {
  const home = mkdtempSync(join(folder, 'm-'));
  const versions = join(home, 'data/versions/it');
  await unpackBundle(app.file, { sha256: app.sha256, folder: versions, signal: call.signal });
  const env = { RBEE_HOME: home, HOME: home, PATH: '/usr/bin:/bin', RBEE_HIVE_REMOTE: '1', RBEE_HIVE_NAME: 'far' };
  const hive = spawn(process.execPath, [join(versions, app.entry)], {
    cwd: '/',
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(hive, 'exit');
  const paths = pathsFrom(env);
  const client = createHiveClient({ hive: 'far', connect: { socketPath: paths.hiveSocket } });
  await until(() => client.health().catch(() => null), { what: 'the hive' });
  const close = async () => {
    await client.close();
    hive.kill('SIGTERM');
    await exited;
  };
  return { client, paths, close };
};

let folder: string;
let machine: Machine;
let deliveries: Deliveries;
let queen: Paths;
let fetcher: RegistryClient;
before(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-d-')));
  queen = pathsFrom({ RBEE_HOME: join(folder, 'queen') });
  for (const one of [queen.data, queen.config]) mkdirSync(one, { recursive: true });
  const env = { ...process.env, HOME: join(folder, 'queen') };
  fetcher = new RegistryClient({ env, folder: queen.data, cacheFolder: queen.cache });
  const here = { os: process.platform, cpu: process.arch };
  const registry = { url: null, allowedScopes: [] };
  deliveries = new Deliveries({ ...queen, env, registry, fetcher, here });
  machine = await startMachine(folder, await bundleApp({ root: join(root, 'core'), cache: queen.cache, ...call }));
});
after(async () => {
  for (const { id } of (await machine?.client.state())?.workers ?? []) await machine.client.delete(id, { now: true });
  await machine?.close();
  fetcher?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const refusal = async (work: Promise<unknown>): Promise<RbeeError> => {
  const error = await work.then(
    () => assert.fail('the call was not refused'),
    (thrown) => thrown,
  );
  assert.ok(error instanceof RbeeError, String(error));
  return error;
};

/** Delivers what is needed to the machine, as a queen would. */
const bring = async (plugin: string, variant?: string) => {
  const { devices, host } = await machine.client.devices();
  const facts = { ...host, devices, probes: {} };
  const request = { plugin, ...(variant !== undefined && { variant }) };
  const { archive, sha256, entry } = await deliveries.deliver(request, { alias: 'far', facts }, call);
  const uploaded = join(machine.paths.data, 'uploads', sha256);
  mkdirSync(dirname(uploaded), { recursive: true });
  copyFileSync(archive, uploaded);
  return machine.client.plugins('import', { archive: uploaded, sha256, entry });
};

test('a remote hive asks for a plugin, gets it delivered, and serves with it', async () => {
  const { client } = machine;
  const spec = { type: 'llamacpp', model: 'demo', device: 'cpu' };
  assert.equal((await refusal(client.spawn(spec))).code, 'TYPE_NOT_FOUND');
  assert.deepEqual(await client.needs({ worker: spec }), { kind: 'plugin', plugin: 'llamacpp' });
  const view = await bring('llamacpp');
  assert.deepEqual([view.name, view.changed], ['@rbee/worker-llamacpp', true]);
  const [entry] = (await client.state()).catalog;
  assert.deepEqual(
    [entry?.type, entry?.version, entry?.integrity, entry?.source],
    ['llamacpp', view.version, view.integrity, 'installed'],
  );
  assert.equal((await bring('llamacpp')).changed, false);

  assert.equal(await client.needs({ program: { plugin: 'llamacpp', variant: 'cpu' } }), null);
  const prepared = await client.plugins('prepare', { plugin: 'llamacpp', variant: 'cpu' });
  assert.deepEqual([prepared.type, prepared.variant], ['llamacpp', 'cpu']);
  assert.equal(await client.needs({ worker: spec }), null);
  const worker = await client.spawn(spec);
  assert.equal(worker.state, 'ready');
  const answer = await post(worker.port ?? 0, worker.apiKey, {
    model: 'demo',
    messages: [{ role: 'user', content: 'hello' }],
  });
  assert.match(JSON.stringify(answer), /Hello from rbee/);
});

const post = (port: number, key: string, body: object): Promise<unknown> =>
  new Promise((done, fail) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    request({ port, method: 'POST', path: '/v1/chat/completions', headers }, (response) =>
      json(response).then(done, fail),
    )
      .on('error', fail)
      .end(JSON.stringify(body));
  });

test('a remote hive downloads no plugin, whatever it is asked', async () => {
  const { client } = machine;
  for (const work of [
    client.plugins('install', { plugin: 'whisper', variant: 'cpu' }),
    client.plugins('update', {}),
    client.plugins('search', {}),
    client.plugins('inspect', { plugin: '@acme/worker-none' }),
  ]) {
    assert.equal((await refusal(work)).code, 'PLUGIN_NOT_DELIVERED');
  }
  const { message } = await refusal(client.plugins('install', { plugin: 'whisper', variant: 'cpu' }));
  assert.match(message, /hive far gets its plugins from the queen and does not have whisper \(cpu\) yet/);
  assert.deepEqual(
    (await client.plugins('list', {})).plugins.map(({ name }) => name),
    ['@rbee/worker-llamacpp'],
  );
});

/** An engine packed as an archive, and its SHA-256. */
const engine = () => {
  const program = '#!/bin/sh\necho it runs\n';
  const archive = gzipSync(rawTar([{ name: 'engine/run', data: program, mode: 0o755 }]));
  const sha256 = createHash('sha256').update(archive).digest('hex');
  return { archive, sha256 };
};

const linkEngine = async (url: string, sha256: string): Promise<void> => {
  const workerTypes = { engine: { entry: './index.js', serves: ['/v1/engine'], variants: ['cpu'] } };
  const plugin = writePackage(join(folder, 'worker-engine'), {
    'package.json': JSON.stringify({
      name: 'worker-engine',
      version: '1.0.0',
      type: 'module',
      rbee: { api: 1, workerTypes },
    }),
    'index.js': `export default { name: 'engine', apiVersion: 1, serves: [{ path: '/v1/engine', kind: 'other' }],
  variants: [{ id: 'cpu', platforms: [process.platform + '-' + process.arch], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }),
    resolveBinary: () => [{ kind: 'archive', id: 'engine', url: '${url}', sha256: '${sha256}', member: 'engine/run' }] }],
  command: () => ({ args: [] }), health: { ready: { mode: 'poll', path: '/health' } } };`,
  });
  const here = { os: process.platform, cpu: process.arch };
  const nothing = { target: async () => here, rootsInUse: async () => [], onChange: async () => {} };
  await new InstalledPlugins({ data: queen.data, config: queen.config, ...nothing }).link(plugin, call);
};

test('the queen fetches an engine that the machine cannot download, and the machine uses the delivered file', {
  skip: atFullScale,
}, async () => {
  const { client } = machine;
  const { archive, sha256 } = engine();
  const server = createServer((_, response) => void response.end(archive));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((done) => server.close(done));
  await close();
  await linkEngine(`http://127.0.0.1:${port}/engine.tar.gz`, sha256);
  await bring('engine');
  const program = { plugin: 'engine', variant: 'cpu' };
  assert.equal((await refusal(client.plugins('prepare', program))).code, 'DOWNLOAD_FAILED');
  // Names only: the queen asks the plugin where the engine comes from.
  const lacking = { kind: 'program', plugin: 'worker-engine', type: 'engine', variant: 'cpu', sources: ['engine'] };
  assert.deepEqual(await client.needs({ program }), lacking);
  const spec = { type: 'engine', device: 'cpu' };
  assert.deepEqual(await client.needs({ worker: spec }), lacking);
  const refused = await refusal(client.spawn(spec));
  assert.equal(refused.code, 'NOT_INSTALLED');
  assert.match(refused.message, /a program for engine \(cpu\) is not installed/);
  const { devices, host } = await client.devices();
  const target = { alias: 'far', facts: { ...host, devices, probes: {} } };
  const packed = await deliveries.deliver({ plugin: 'engine' }, target, call);
  const sources = await deliveries.sourcesOf(packed, { type: 'engine', variant: 'cpu' }, target, call);
  assert.deepEqual(
    sources.map((source) => source.kind === 'archive' && [source.url, source.sha256]),
    [[`http://127.0.0.1:${port}/engine.tar.gz`, sha256]],
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const plugin = { package: packed.entry.name, version: packed.entry.version };
  const context = { what: 'engine', plugin, fetcher: downloadCache(process.env), cache: queen.cache, ...call };
  const brought = await bringDownloads(sources, context);
  server.closeAllConnections();
  await close();
  const downloads = downloadsFolder({ cache: machine.paths.cache });
  for (const one of brought) copyFileSync(one.file, join(downloads, one.sha256));
  const prepared = await client.plugins('prepare', program);
  assert.equal((await run(prepared.program)).stdout, 'it runs\n');
  assert.equal(await client.needs({ program }), null);
});

test('an rbee installed from a registry packs itself, and the packed copy runs', {
  skip: atFullScale,
}, async () => {
  const registry = await startRegistry({ uplink: ['**'] });
  try {
    await registry.release();
    const place = join(folder, 'installed');
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), '{}');
    const flags = ['--registry', registry.url, '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['install', '@rbee/core', ...flags], { cwd: place, env: registry.env });
    const installed = realpathSync(join(place, 'node_modules/@rbee/core'));
    const app = await bundleApp({ root: installed, cache: join(folder, 'other-cache'), ...call });
    assert.ok(app.size < 3e6, `${app.size} bytes`);
    const other = await startMachine(folder, app);
    try {
      assert.equal((await other.client.health()).version, app.version);
      // What is bundled leaves no package beside the bundle.
      const beside = join(other.paths.data, 'versions/it/node_modules');
      const modules = existsSync(beside) ? readdirSync(beside) : [];
      assert.ok(!modules.some((name) => ['pacote', '@oclif', '@npmcli', 'ssh2'].includes(name)), modules.join(' '));
    } finally {
      await other.close();
    }
  } finally {
    await registry.close();
  }
});
