import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { rawTar } from '../../archives/testing.ts';
import { pathsFrom } from '../../config/paths.ts';
import { loadRbeeConf } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import { tempFolder, undoAfter } from '../../lifecycle/process/testing.ts';
import { InstalledPlugins } from '../../plugins/install/installed-plugins.ts';
import type { Machine } from './machine.ts';
import { ModelDelivery } from './model-delivery.ts';
import { PluginDelivery } from './plugin-delivery.ts';

const call = { signal: new AbortController().signal, narrate: () => {} };
const sha256Of = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** A loopback server with the same file at every path; records requests. */
const serve = async (t: TestContext, data: Buffer) => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.writeHead(200, { 'content-length': data.length }).end(request.method === 'HEAD' ? undefined : data);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undoAfter(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
};

/** The queen's machine, with its own files and one that nothing may touch. */
const setUp = async (t: TestContext) => {
  const folder = await tempFolder(t);
  const paths = pathsFrom({ RBEE_HOME: join(folder, 'queen') });
  for (const one of [paths.data, paths.config, paths.cache, join(folder, 'own')]) {
    await mkdir(one, { recursive: true });
  }
  await writeFile(join(folder, 'own', 'precious.txt'), 'precious');
  await symlink(join(folder, 'own'), join(folder, 'own', 'link'));
  const canary = async (): Promise<string[]> => {
    const names = await readdir(folder, { recursive: true });
    const outside = names.filter((name) => !name.startsWith('queen/')).sort();
    const read = (name: string) => readFile(join(folder, name), 'utf8').catch(({ code }) => code);
    return Promise.all(outside.map(async (name) => `${name} ${await read(name)}`));
  };
  return { folder, paths, canary };
};

const code = `export default { name: 'engine', apiVersion: 1, serves: [{ path: '/v1/engine', kind: 'other' }],
  variants: [{ id: 'cpu', platforms: [process.platform + '-' + process.arch], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }),
    resolveBinary: () => [{ kind: 'archive', id: 'engine', url: 'URL', sha256: 'SUM', member: 'engine/run' }] }],
  command: () => ({ args: [] }), health: { ready: { mode: 'poll', path: '/health' } } };`;

/** A plugin with an engine in an archive, linked on the queen's machine. */
const linkEngine = async (folder: string, paths: { data: string; config: string }, url: string, sha256: string) => {
  const plugin = join(folder, 'queen', 'worker-engine');
  await mkdir(plugin);
  const workerTypes = { engine: { entry: './index.js', serves: ['/v1/engine'], variants: ['cpu'] } };
  const manifest = { name: 'worker-engine', version: '1.0.0', type: 'module', rbee: { api: 1, workerTypes } };
  await writeFile(join(plugin, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(plugin, 'index.js'), code.replace('URL', url).replace('SUM', sha256));
  const nothing = { rootsInUse: async () => [], onChange: async () => {} };
  const target = async () => ({ os: process.platform, cpu: process.arch });
  await new InstalledPlugins({ ...paths, target, ...nothing }).link(plugin, call);
};

interface Lies {
  platform?: object;
  /** Answers by `action`; other actions are refused. */
  plugins?: Record<string, () => unknown>;
  models?: Record<string, () => unknown>;
}

/** A hive that lies, and its machine, which keeps uploads. */
const lyingHive = ({ platform = { os: process.platform, cpu: process.arch }, plugins, models }: Lies) => {
  const uploads: { file: string; path: string }[] = [];
  const answer = (answers: Lies['plugins']) => async (action: string) => {
    const how = answers?.[action];
    if (!how) throw RbeeError.of('INVALID_INPUT', { what: action, problem: 'it is not answered', hint: 'none' });
    return how();
  };
  const client = {
    devices: async () => ({ devices: [], notes: [], host: { platform, cpu: { model: '', cores: 1 }, memory: {} } }),
    plugins: answer(plugins),
    models: answer(models),
  };
  const agent = { hello: { paths: { data: '/far/data', cache: '/far/cache' } }, call: async () => null };
  const hive = {
    alias: 'evil',
    connection: { client },
    withAgent: async (_call: unknown, work: (there: unknown) => unknown) => work(agent),
    upload: async (file: string, path: string) => void uploads.push({ file, path }),
  };
  return { hive: hive as unknown as Machine, uploads };
};

// A hive used to name the addresses, hashes and paths of files that the queen downloaded. With the hash
// `../../../own/precious.txt`, the queen deleted that file on its own machine and requested any address.
test('what a hive reports about an engine decides neither what the queen downloads nor which files it touches', async (t) => {
  const { folder, paths, canary } = await setUp(t);
  const archive = gzipSync(rawTar([{ name: 'engine/run', data: '#!/bin/sh\n', mode: 0o755 }]));
  const [good, bad] = [await serve(t, archive), await serve(t, Buffer.from('of the hive'))];
  await linkEngine(folder, paths, `${good.url}/engine.tar.gz`, sha256Of(archive));
  const files = ['../../../own/precious.txt', '../../../own/link/precious.txt', 'a'.repeat(64)].map((sha256) => ({
    url: `${bad.url}/any`,
    sha256,
    there: false,
  }));
  const { hive, uploads } = lyingHive({
    plugins: {
      list: () => ({ plugins: [{ name: 'worker-engine', types: ['../../own'], installed: [] }] }),
      import: () => ({}),
    },
  });
  const before = await canary();
  const delivery = new PluginDelivery({
    paths,
    config: loadRbeeConf(paths),
    env: process.env,
    fetcher: () => Promise.resolve({ resolve: assert.fail, unpack: assert.fail } as never),
  });
  const { types, variant } = await delivery.deliver(hive, { plugin: 'engine', variant: 'cpu' }, call);
  assert.deepEqual([types, variant], [['engine'], 'cpu']);
  const lies = { downloads: '/etc', files, sources: ['engine', '../../own'] };
  await delivery.bringProgram(hive, { plugin: 'engine' }, { ...lies, type: 'engine', variant: 'cpu' }, call);
  assert.deepEqual(await canary(), before);
  assert.deepEqual(bad.requests, []);
  assert.deepEqual(good.requests, ['/engine.tar.gz']);
  const [plugin, engine, ...more] = uploads;
  assert.match(plugin?.path ?? '', /^\/far\/data\/uploads\/[0-9a-f]{64}\.tar\.zst$/);
  assert.equal(engine?.path, `/far/cache/downloads/${sha256Of(archive)}`);
  assert.deepEqual(await readFile(engine?.file ?? ''), archive);
  assert.deepEqual(more, []);
});

test('nothing is built for a hive with an invalid platform', async (t) => {
  const { folder, paths, canary } = await setUp(t);
  await linkEngine(folder, paths, 'http://127.0.0.1:1/none', 'a'.repeat(64));
  const before = await canary();
  const options = { paths, config: loadRbeeConf(paths), env: process.env };
  const delivery = new PluginDelivery({ ...options, fetcher: () => Promise.resolve({} as never) });
  for (const platform of [
    { os: '../../own', cpu: 'x64' },
    { os: 'linux', cpu: "x64'; rm -rf ~" },
    { os: 'linux', cpu: 'x64', libc: '../glibc' },
    { os: 5, cpu: null },
  ]) {
    const { hive, uploads } = lyingHive({ platform });
    await assert.rejects(delivery.deliver(hive, { plugin: 'engine', variant: 'cpu' }, call), {
      code: 'HOST_UNSUPPORTED',
    });
    assert.deepEqual(uploads, []);
  }
  assert.deepEqual(await canary(), before);
});

// Likewise for models: a hive named paths that the queen then looked up in its own store.
test('a hive can request only the offered files of a model, and cannot name paths for them', async (t) => {
  const { paths, canary } = await setUp(t);
  const weights = Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(2_000, 1)]);
  const source = await serve(t, weights);
  const lacking = ['../../../own/precious.txt', 'model.gguf', '/etc/passwd', 'model.gguf'].map((path) => ({
    path,
    bytes: 1,
    place: '/etc/cron.d/evil',
  }));
  const { hive, uploads } = lyingHive({ models: { offer: () => ({ files: lacking }) } });
  const before = await canary();
  await new ModelDelivery({ paths, env: {} }).bring(hive, { model: `${source.url}/model.gguf` }, call);
  assert.deepEqual(await canary(), before);
  assert.deepEqual(
    uploads.map(({ path }) => path),
    [`/far/data/models/parts/${sha256Of(weights)}.part`],
  );
  assert.deepEqual(await readFile(uploads[0]?.file ?? ''), weights);
});
