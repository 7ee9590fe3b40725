/**
 * A spawn on a machine that lacks everything: what is needed is installed first, in order, and the worker is started
 * once.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHiveClient } from '../../core/hive/client.ts';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/plugins/testing/registry.ts';
import { programsFolder } from '../../core/programs/places.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { type Hub, startHub } from '../harness/hub.ts';
import { writeNvidiaSmi } from '../harness/nvidia-smi.ts';

const demo = readFileSync(resolve(import.meta.dirname, '../../plugins/worker-llamacpp/models/demo.gguf'));
/** An engine in one file that answers every path. */
const engine = `#!${process.execPath}
require('node:http').createServer((_, response) => response.end('{}')).listen(Number(process.argv[2]), '127.0.0.1');\n`;
const sha256 = createHash('sha256').update(engine).digest('hex');

let registry: TinyRegistry;
let hub: Hub;
let release: Server;
let downloads = 0;
let home: TestHome;

before(async () => {
  registry = await startTinyRegistry();
  hub = await startHub();
  hub.commit('acme/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': demo });
  release = createServer((_, response) => {
    downloads += 1;
    response.end(engine);
  });
  release.listen(0, '127.0.0.1');
  await once(release, 'listening');
  offerForge(`http://127.0.0.1:${(release.address() as AddressInfo).port}/engine`);
  home = createHome({ plugins: [], queen: `mode = "standalone"\n[registry]\nurl = "${registry.url}"` });
  home.env['HF_ENDPOINT'] = hub.url;
  home.env['HF_HOME'] = join(home.folder, 'hf');
  const bin = join(home.folder, 'bin');
  mkdirSync(bin);
  writeNvidiaSmi(bin);
  home.env['PATH'] = `${bin}:${home.env['PATH']}`;
});
after(async () => {
  await home?.close();
  release?.closeAllConnections();
  release?.close();
  await hub?.close();
  await registry?.close();
});

/** A type with a build for each device; its program is downloaded and loads a model. */
const offerForge = (url: string): void => {
  const source = `{ kind: 'archive', id: 'release', url: '${url}', sha256: '${sha256}', format: 'file', member: 'engine' }`;
  const build = (id: string) => `{ id: '${id}', platforms: [process.platform + '-' + process.arch],
    fits: (host) => host.devices.some(({ kind }) => kind === '${id}') ? { fits: true } : { fits: false, reasons: ['no'] },
    deviceFlags: () => ({ args: [], env: {} }), packages: ${id === 'cpu' ? "{ leaveOut: ['forge-cuda'] }" : '{}'},
    resolveBinary: () => [${source}] }`;
  const code = `export default { name: 'forge', apiVersion: 1, serves: [{ path: '/v1/chat/completions', kind: 'chat' }],
    models: { formats: ['gguf'] }, variants: [${build('cuda')}, ${build('cpu')}],
    command: (launch) => ({ args: [String(launch.port)] }), health: { ready: { mode: 'poll', path: '/health' } } };`;
  const name = '@rbee/worker-forge';
  const dependencies = { dependencies: { 'forge-cuda': '1.0.0' } };
  const workerTypes = { forge: { entry: './forge.js', serves: ['/v1/chat/completions'], variants: ['cuda', 'cpu'] } };
  const manifest = { name, version: '1.0.0', type: 'module', license: 'MIT', ...dependencies };
  registry.offer({
    name,
    version: '1.0.0',
    document: dependencies,
    packed: packPlugin({
      manifest: JSON.stringify({ ...manifest, rbee: { api: 1, workerTypes } }),
      entries: [{ path: 'package/forge.js', text: code }],
    }),
  });
  const cuda = packPlugin({ manifest: JSON.stringify({ name: 'forge-cuda', version: '1.0.0' }) });
  registry.offer({ name: 'forge-cuda', version: '1.0.0', packed: cuda });
};

/** Sits between the queen and its hive, and records the requests. */
const listenIn = async (socket: string): Promise<{ requests: string[]; close: () => Promise<void> }> => {
  const requests: string[] = [];
  renameSync(socket, `${socket}.own`);
  const server = createTcpServer((client) => {
    const hive = connect(`${socket}.own`);
    client.on('data', (data) => {
      for (const [, request] of data.toString('latin1').matchAll(/^([A-Z]+ \/\S*) HTTP\/1\.1\r$/gm))
        requests.push(request ?? '');
    });
    client.pipe(hive).pipe(client);
    for (const [one, other] of [
      [client, hive],
      [hive, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  server.listen(socket);
  await once(server, 'listening');
  chmodSync(socket, 0o600);
  const close = async (): Promise<void> => {
    await new Promise((done) => server.close(done));
    renameSync(`${socket}.own`, socket);
  };
  return { requests, close };
};

test('everything a spawn lacks is installed in order, and the hive gets a single spawn request', async () => {
  await home.json(['queen', 'start']);
  const heard = await listenIn(home.paths.hiveSocket);
  const spec = ['--type', 'forge', '--model', 'hf:acme/Tiny-GGUF', '--device', 'cpu'];
  const { code, stderr } = await home.rbee(['worker', 'spawn', ...spec]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    heard.requests.filter((request) => request.startsWith('POST')),
    [
      'POST /v1/needs',
      'POST /v1/plugins/install',
      'POST /v1/needs',
      // The best variant for this machine came with the plugin; the cpu variant was requested.
      'POST /v1/plugins/install',
      'POST /v1/needs',
      'POST /v1/plugins/prepare',
      'POST /v1/needs',
      'POST /v1/models/download',
      'POST /v1/needs',
      'POST /v1/workers',
    ],
  );
  assert.equal(downloads, 1);
  assert.equal(stderr.match(/checking that forge can run here/g)?.length, 1, stderr);
  assert.match(stderr, /worker type forge is not installed on hive local: installing it/);

  // Now nothing is lacking.
  heard.requests.splice(0);
  const again = await home.rbee(['worker', 'spawn', ...spec, '--name', 'again']);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(
    heard.requests.filter((request) => request.startsWith('POST')),
    ['POST /v1/needs', 'POST /v1/workers'],
  );

  // A start installs what has disappeared since; a restart does so before it stops anything.
  const [{ id }] = (await home.json(['worker', 'list'])).workers;
  for (const change of ['restart', 'start']) {
    if (change === 'start') await home.json(['worker', 'stop', id]);
    rmSync(programsFolder(home.paths), { recursive: true });
    heard.requests.splice(0);
    await home.json(['worker', change, id]);
    assert.deepEqual(
      heard.requests.filter((request) => request.startsWith('POST')),
      ['POST /v1/needs', 'POST /v1/plugins/prepare', 'POST /v1/needs', `POST /v1/workers/${id}/${change}`],
    );
  }
  assert.equal(downloads, 1, 'the download is kept');
  await heard.close();
});

test('a hive asked to spawn what it lacks refuses by name and keeps nothing of it', async () => {
  const hive = createHiveClient({ hive: 'local', connect: { socketPath: home.paths.hiveSocket } });
  try {
    const spawn = (spec: object) => hive.spawn({ type: 'forge', device: 'cpu', ...spec });
    await assert.rejects(spawn({ model: 'hf:acme/Other' }), {
      code: 'MODEL_NOT_DOWNLOADED',
      message: /hf:acme\/Other/,
    });
    rmSync(programsFolder(home.paths), { recursive: true });
    const model = 'hf:acme/Tiny-GGUF';
    await assert.rejects(spawn({ model }), { code: 'NOT_INSTALLED', message: /a program for forge \(cpu\)/ });
    await home.json(['plugins', 'uninstall', 'forge', '--force']);
    await assert.rejects(spawn({ model }), { code: 'TYPE_NOT_FOUND' });
    const { workers } = await home.json(['worker', 'list']);
    assert.deepEqual(
      workers.map(({ state }: { state: string }) => state),
      ['stopped', 'stopped'],
    );
  } finally {
    await hive.close();
  }
});
