/** Worker types as npm packages, from a real registry into an empty home, as a user installs them. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { type Registry, startRegistry, writePackage } from '../harness/registry.ts';

const root = resolve(import.meta.dirname, '../..');
const workspace: { rbee: { plugins: string[] } } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let registry: Registry;
let home: TestHome;
before(async () => {
  registry = await startRegistry({ uplink: ['**'] });
  for (const folder of ['core/worker-server', ...workspace.rbee.plugins]) registry.publish(join(root, folder));
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  // Tokens, cache and npm's settings: those of the registry's home.
  home.env['HOME'] = registry.env['HOME'];
});
after(async () => {
  await home?.close();
  await registry?.close();
});

interface Made {
  name: string;
  version: string;
  type: string;
  server: string;
  dependencies?: Record<string, string>;
}

/** Publishes a plugin that serves a path of its own in variants of its own. */
const publish = ({ name, version, type, server, dependencies = {} }: Made): void => {
  const workerTypes = { [type]: { entry: './index.js', serves: ['/v1/sayings'], variants: ['plain', 'cuda'] } };
  const manifest = { name, version, type: 'module', license: 'MIT', keywords: ['rbee-worker'], dependencies };
  const folder = writePackage(join(registry.folder, 'made', name, version), {
    'package.json': JSON.stringify({ ...manifest, rbee: { api: 1, workerTypes } }),
    'index.js': `const variant = (id, kind) => ({ id, devices: [kind], platforms: [{ os: process.platform, cpu: process.arch }],
  fits: (host) => host.devices.some((device) => device.kind === kind) ? { fits: true } : { fits: false, reasons: ['there is no ' + kind] },
  deviceFlags: () => ({ args: [], env: {} }), resolveBinary: () => [{ kind: 'module', id: 'builtin', script: 'server.js' }] });
export default { name: '${type}', apiVersion: 1, serves: [{ path: '/v1/sayings', kind: 'other' }],
  options: { type: 'object', properties: { loud: { type: 'boolean', default: false, description: 'Say it loudly' } } },
  variants: [variant('plain', 'cpu'), variant('cuda', 'cuda')],
  command: (launch) => ({ args: ['--host', launch.host, '--port', String(launch.port)] }),
  health: { ready: { mode: 'poll', path: '/health' } } };`,
    'server.js': server,
  });
  registry.publish(folder);
};

const saying = (text: string): string => `import { createServer } from 'node:http';
createServer((request, response) => { request.resume(); response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ saying: '${text}' })); }).listen(Number(process.argv.at(-1)), '127.0.0.1');`;

/** Asks through the queen, as an application does. */
const ask = async (model: string): Promise<unknown> => {
  const { queen } = await home.json(['status']);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${queen.url}/v1/sayings`, { method: 'POST', headers, body: JSON.stringify({ model }) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};
const spawn = (type: string, name: string) =>
  home.json(['worker', 'spawn', '--type', type, '--device', 'cpu', '--name', name]);
const catalog = async () =>
  (await home.json(['plugins', 'list'])).plugins as {
    name: string;
    version: string;
    installed: string[];
    root: string;
  }[];
const megabytes = (folder: string): number => {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0) / 1e6;
};

test('a bundled plugin is installed by its type, runs from its own tree, and answers', async () => {
  const view = await home.json(['plugins', 'install', 'llamacpp', '--variant', 'cpu']);
  assert.equal(view.name, '@rbee/worker-llamacpp');
  assert.ok(view.root.startsWith(home.paths.data), view.root);
  assert.ok(megabytes(join(home.paths.data, 'workers')) < 120, 'a variant holds only what it needs');
  const worker = await home.json(['worker', 'spawn', '--type', 'llamacpp', '--model', 'demo']);
  assert.match(
    readFileSync(join(home.paths.runs, `${worker.id}.json`), 'utf8'),
    new RegExp(`"pluginRoot":"${view.root}"`),
  );
  assert.match((await home.rbee(['infer', '-m', 'demo', 'hello'])).stdout, /Hello from rbee/);
  await home.json(['worker', 'delete', worker.id]);
});

test('a type that is not here is installed by the spawn that asks for it, with its dependencies', async () => {
  const server = `import { runWorkerServer } from '@rbee/worker-server';
await runWorkerServer({ name: 'served', host: '127.0.0.1', port: Number(process.argv.at(-1)), models: ['served'], slots: 1,
  queueLimit: 1, env: process.env, load: async () => 'served',
  routes: [{ path: '/v1/sayings', schema: { type: 'object' }, handler: async (_, { loaded }) => ({ saying: loaded }) }] });`;
  const dependencies = { '@rbee/worker-server': '*' };
  publish({ name: '@rbee/worker-served', version: '1.0.0', type: 'served', server, dependencies });
  const { queen } = await home.json(['status']);
  const run = await home.rbee(['worker', 'spawn', '--type', 'served', '--name', 'served']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /worker type served is not installed on hive local: installing it/);
  assert.deepEqual(await ask('served'), { saying: 'served' });
  assert.equal((await home.json(['status'])).queen.pid, queen.pid, 'nothing was restarted');
});

test('a live worker keeps its version over an update, and new ones get the new one', async () => {
  const name = '@rbee/worker-parrot';
  publish({ name, version: '1.0.0', type: 'parrot', server: saying('one') });
  await home.json(['plugins', 'install', 'parrot']);
  await spawn('parrot', 'old');
  publish({ name, version: '1.1.0', type: 'parrot', server: saying('two') });
  const planned = await home.json(['plugins', 'update', 'parrot', '--dry-run']);
  assert.deepEqual(planned.updates, [{ name, from: '1.0.0', to: '1.1.0', changed: true }]);
  const updated = await home.rbee(['plugins', 'update', 'parrot']);
  assert.equal(updated.code, 0, updated.stderr);
  assert.match(updated.stderr, /1\.0\.0 becomes 1\.1\.0/);
  await spawn('parrot', 'new');
  assert.deepEqual(await ask('old'), { saying: 'one' });
  assert.deepEqual(await ask('new'), { saying: 'two' });
  assert.equal((await home.json(['plugins', 'prune', '--all'])).removed.length, 0, 'the old one is in use');
});

test('a plugin whose workers run is not removed, unless they are stopped first', async () => {
  const refused = await home.rbee(['plugins', 'uninstall', 'parrot', '--json']);
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.stdout).error.code, 'PLUGIN_IN_USE');
  assert.deepEqual(await ask('old'), { saying: 'one' });
  await home.json(['plugins', 'uninstall', 'parrot', '--force']);
  assert.ok(!(await catalog()).some(({ name }) => name.includes('parrot')));
  const states = (await home.json(['worker', 'list'])).workers.filter(
    ({ type }: { type: string }) => type === 'parrot',
  );
  assert.ok(states.every(({ state }: { state: string }) => state === 'stopped'));
});

test('an unknown publisher is refused where nobody can be asked, and let in with --yes', async () => {
  publish({ name: '@acme/worker-owl', version: '1.0.0', type: 'owl', server: saying('hoo') });
  const refused = await home.rbee(['plugins', 'install', '@acme/worker-owl', '--json']);
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.stdout).error.code, 'PUBLISHER_UNKNOWN');
  const seen = await home.json(['plugins', 'inspect', '@acme/worker-owl']);
  assert.equal(seen.source, null);
  assert.equal(seen.types[0].variants[0].fits, null, 'none of its code was run');
  assert.equal((await home.json(['plugins', 'install', '@acme/worker-owl', '--yes'])).changed, true);
  const known = await home.json(['plugins', 'inspect', 'owl']);
  assert.deepEqual(known.types[0].options, [
    { name: 'loud', type: 'boolean', default: false, description: 'Say it loudly' },
  ]);
  const cuda = known.types[0].variants.find(({ id }: { id: string }) => id === 'cuda');
  assert.equal(cuda.fits, cuda.reasons.length === 0);
});

test('the question about a publisher can be answered by whoever follows the job', async () => {
  publish({ name: '@zoo/worker-cat', version: '1.0.0', type: 'cat', server: saying('meow') });
  const { connectQueen } = await import('../../core/queen/client/index.ts');
  const queen = connectQueen({ socketPath: home.paths.queenSocket });
  const job = await queen.startJob('worker_install', { plugin: '@zoo/worker-cat' });
  for await (const event of queen.watchJob(job)) {
    if (event.kind === 'ask') await queen.answerJob(job, event.id, 'yes');
    assert.notEqual(event.kind, 'error', JSON.stringify(event));
  }
  assert.ok((await catalog()).some(({ name }) => name === '@zoo/worker-cat'));
});

test('what the registry has is found, with its types and paths', async () => {
  const { plugins } = await home.json(['plugins', 'search', 'sayings']);
  const names = plugins.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('@acme/worker-owl') && !names.includes('@rbee/worker-llamacpp'), names.join(' '));
});

test('a type that the registry does not have either is said to be unknown, and why', async () => {
  const run = await home.rbee(['worker', 'spawn', '--type', 'unicorn', '--json']);
  assert.equal(run.code, 1);
  const { error } = JSON.parse(run.stdout);
  assert.equal(error.code, 'TYPE_NOT_FOUND');
  assert.match(error.message, /could not be installed: @rbee\/worker-unicorn was not found/);
});

test('an exact version, a tarball and a linked folder are taken as they are', async () => {
  const name = '@rbee/worker-parrot';
  assert.equal((await home.json(['plugins', 'install', `${name}@1.0.0`])).version, '1.0.0');
  assert.equal((await home.json(['plugins', 'update', 'parrot'])).updates[0].changed, false);
  const folder = join(registry.folder, 'made', name, '1.1.0');
  assert.equal((await home.json(['plugins', 'link', folder])).source, 'link');
  assert.equal((await catalog()).find((plugin) => plugin.name === name)?.root, folder);
  assert.equal((await home.json(['plugins', 'unlink', name])).source, 'link');
  assert.equal((await home.json(['plugins', 'install', folder, '--yes'])).version, '1.1.0');
});
