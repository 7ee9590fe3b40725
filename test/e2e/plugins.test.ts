/** Worker types as npm packages, installed from a real registry into an empty home, as a user does it. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, globSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, type TestHome } from '../harness/home.ts';
import { linkPackages } from '../harness/link-packages.ts';
import { type Registry, startRegistry, writePackage } from '../harness/registry.ts';
import { atFullScale } from '../harness/until.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

interface Package {
  folder: string;
  name: string;
  version: string;
  private?: boolean;
  rbee?: object;
}
const workspace: { workspaces: string[] } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages: Package[] = globSync(workspace.workspaces, { cwd: root })
  .map((folder) => ({ ...JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')), folder }))
  .filter((one: Package) => !one.private);
/** The entries of each published folder. */
const checkout = () => packages.map(({ folder }) => readdirSync(join(root, folder)));

let registry: Registry;
let home: TestHome;
let released: string;
const checkoutBefore = checkout();
before(async () => {
  registry = await startRegistry({ uplink: ['**'] });
  released = await registry.release();
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  // Tokens, cache and npm settings come from the registry's home.
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

/** Publishes a plugin with its own path and variants; returns its folder. */
const publish = ({ name, version, type, server, dependencies = {} }: Made): string => {
  const workerTypes = { [type]: { entry: './index.js', serves: ['/v1/sayings'], variants: ['plain', 'cuda'] } };
  const manifest = { name, version, type: 'module', license: 'MIT', keywords: ['rbee-worker'], dependencies };
  const folder = writePackage(join(registry.folder, 'made', name, version), {
    'package.json': JSON.stringify({ ...manifest, rbee: { api: 1, workerTypes } }),
    'index.js': `const variant = (id, kind) => ({ id, devices: [kind], platforms: [process.platform + '-' + process.arch],
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
  return folder;
};

const saying = (text: string): string => `import { createServer } from 'node:http';
createServer((request, response) => { request.resume(); response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ saying: '${text}' })); }).listen(Number(process.argv.at(-1)), '127.0.0.1');`;

const edit = (file: string, from: string, to: string): void => {
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `${from} in ${file}`);
  writeFileSync(file, text.replace(from, to));
};

/** Calls through the queen, as an application does. */
const ask = async (path: string, body: object): Promise<unknown> => {
  const { queen } = await home.json(['status']);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${queen.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};
const refusal = async (...args: string[]) => {
  const { code, stdout } = await home.rbee([...args, '--json']);
  assert.equal(code, 1, stdout);
  return JSON.parse(stdout).error as { code: string; message: string; hint: string };
};
const plugins = async () =>
  (await home.json(['plugins', 'list'])).plugins as { name: string; version: string; root: string }[];
const megabytes = (folder: string): number => {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0) / 1e6;
};

test('a release publishes every package of the workspace, leaves the checkout unchanged, and can be repeated', async () => {
  const said = (what: string) => packages.map(({ name, version }) => `${name} ${version} ${what}`).sort();
  assert.deepEqual(released.trim().split('\n').sort(), said('published'));
  assert.deepEqual((await registry.release()).trim().split('\n').sort(), said('is already published'));
  assert.deepEqual(checkout(), checkoutBefore);
});

test('every bundled plugin is found in the registry and can be inspected before it is trusted', async () => {
  const bundled = packages.filter(({ rbee }) => rbee !== undefined).map(({ name }) => name);
  assert.ok(bundled.length > 0);
  const found = (await home.json(['plugins', 'search'])).plugins.map(({ name }: { name: string }) => name);
  assert.deepEqual(
    bundled.filter((name) => !found.includes(name)),
    [],
  );
  for (const name of bundled) {
    const seen = await home.json(['plugins', 'inspect', `${name}@latest`]);
    assert.equal(seen.source, null, name);
    assert.ok(seen.types[0].serves.length > 0, name);
  }
});

test('a bundled plugin is installed by its type, runs from its own tree, and answers', {
  skip: atFullScale,
}, async () => {
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

/** A third-party plugin, made from the template, with a variant that rbee does not know. */
const abacus = {
  name: '@acme/worker-abacus',
  folder: () => join(registry.folder, 'worker-abacus'),
  create: async (): Promise<void> => {
    const folder = abacus.folder();
    await home.json(['plugins', 'create', '@acme/worker-abacus', '--folder', folder, '--yes']);
    edit(join(folder, 'binary.js'), "id: 'cpu'", "id: 'beads', devices: ['cpu']");
    edit(join(folder, 'package.json'), '"cpu"', '"beads"');
  },
  publish: (): void => registry.publish(abacus.folder()),
  spawn: (name: string) => home.json(['worker', 'spawn', '--type', 'abacus', '--device', 'cpu', '--name', name]),
  said: (model: string) => ask('/v1/abacus', { model, text: 'one and one' }),
};

test('a plugin made from the template is published, installed and called on its own path', async () => {
  await abacus.create();
  abacus.publish();
  assert.equal((await refusal('plugins', 'install', abacus.name)).code, 'PUBLISHER_UNKNOWN');
  const { queen } = await home.json(['status']);
  const view = await home.json(['plugins', 'install', abacus.name, '--yes']);
  assert.deepEqual([view.version, view.types, view.installed], ['0.1.0', ['abacus'], ['beads']]);
  const server = join(view.root, '../../@rbee/worker-server');
  assert.ok(lstatSync(server).isDirectory(), 'its dependencies are real folders in its own tree');
  const worker = await abacus.spawn('old');
  assert.equal(worker.variant, 'beads');
  assert.deepEqual(await abacus.said('old'), { model: 'old', said: 'You said: one and one' });
  assert.equal((await home.json(['infer', '-m', 'old', 'two'])).text, 'You said: two');
  assert.equal((await home.json(['status'])).queen.pid, queen.pid, 'nothing was restarted');
});

test('a running worker keeps its version during an update, and new workers get the new one', {
  skip: atFullScale,
}, async () => {
  edit(join(abacus.folder(), 'package.json'), '"version": "0.1.0"', '"version": "0.2.0"');
  edit(join(abacus.folder(), 'options.js'), 'You said:', 'It says:');
  abacus.publish();
  const planned = await home.json(['plugins', 'update', 'abacus', '--dry-run']);
  assert.deepEqual(planned.updates, [{ name: abacus.name, from: '0.1.0', to: '0.2.0', changed: true }]);
  const updated = await home.rbee(['plugins', 'update', 'abacus']);
  assert.equal(updated.code, 0, updated.stderr);
  assert.match(updated.stderr, /0\.1\.0 becomes 0\.2\.0/);
  await abacus.spawn('new');
  assert.deepEqual(await abacus.said('old'), { model: 'old', said: 'You said: one and one' });
  assert.deepEqual(await abacus.said('new'), { model: 'new', said: 'It says: one and one' });
  assert.equal((await home.json(['plugins', 'prune', '--all'])).removed.length, 0, 'the old one is in use');
});

test('a plugin with running workers is not removed until they are stopped', async () => {
  const { code, message, hint } = await refusal('plugins', 'uninstall', 'abacus');
  assert.equal(code, 'PLUGIN_IN_USE');
  assert.match(message, /@acme\/worker-abacus is in use by /);
  assert.match(hint, /rbee worker stop .* --force/);
  assert.deepEqual(await abacus.said('old'), { model: 'old', said: 'You said: one and one' });
  await home.json(['plugins', 'uninstall', 'abacus', '--force']);
  assert.ok(!(await plugins()).some(({ name }) => name === abacus.name));
  const workers = (await home.json(['worker', 'list'])).workers as { type: string; state: string }[];
  const left = workers.filter(({ type }) => type === 'abacus');
  assert.ok(left.length > 0 && left.every(({ state }) => state === 'stopped'), JSON.stringify(left));
});

test('the first TypeScript plugin made from a template can still be published and installed', async () => {
  const folder = join(registry.folder, 'first-plugin');
  cpSync(join(root, 'test/fixtures/first-plugin'), folder, { recursive: true });
  linkPackages(folder);
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]);
  registry.publish(folder);
  await home.json(['plugins', 'install', 'rbee-worker-my-engine', '--yes']);
  const worker = await home.json(['worker', 'spawn', '--type', 'my-engine', '--device', 'cpu', '--name', 'first']);
  assert.deepEqual(await ask('/v1/my-engine', { model: 'first', text: 'one' }), {
    model: 'first',
    said: 'You said: one',
  });
  await home.json(['worker', 'delete', worker.id]);
});

test('a type that is not installed is installed by the spawn that needs it, with its dependencies', async () => {
  const server = `import { runWorkerServer } from '@rbee/worker-server';
await runWorkerServer({ name: 'served', host: '127.0.0.1', port: Number(process.argv.at(-1)), models: ['served'], slots: 1,
  queueLimit: 1, env: process.env, load: async () => 'served',
  routes: [{ path: '/v1/sayings', schema: { type: 'object' }, handler: async (_, { loaded }) => ({ saying: loaded }) }] });`;
  const dependencies = { '@rbee/worker-server': '*' };
  publish({ name: '@rbee/worker-served', version: '1.0.0', type: 'served', server, dependencies });
  const spawned = await home.rbee(['worker', 'spawn', '--type', 'served', '--name', 'served']);
  assert.equal(spawned.code, 0, spawned.stderr);
  assert.match(spawned.stderr, /worker type served is not installed on hive local: installing it/);
  assert.deepEqual(await ask('/v1/sayings', { model: 'served' }), { saying: 'served' });
});

test("a stranger's plugin is described without running its code, and fully once its publisher is trusted", async () => {
  publish({ name: '@zoo/worker-owl', version: '1.0.0', type: 'owl', server: saying('hoo') });
  const seen = await home.json(['plugins', 'inspect', '@zoo/worker-owl']);
  assert.equal(seen.source, null);
  assert.equal(seen.types[0].variants[0].fits, null, 'none of its code was run');
  assert.equal((await home.json(['plugins', 'install', '@zoo/worker-owl', '--yes'])).changed, true);
  const known = await home.json(['plugins', 'inspect', 'owl']);
  assert.deepEqual(known.types[0].options, [
    { name: 'loud', type: 'boolean', default: false, description: 'Say it loudly' },
  ]);
  const cuda = known.types[0].variants.find(({ id }: { id: string }) => id === 'cuda');
  assert.equal(cuda.fits, cuda.reasons.length === 0);
});

test('a client that follows the job can answer the question about a publisher', async () => {
  publish({ name: '@circus/worker-cat', version: '1.0.0', type: 'cat', server: saying('meow') });
  const { connectQueen } = await import('../../core/queen/client/index.ts');
  const queen = connectQueen({ socketPath: home.paths.queenSocket });
  const job = await queen.startJob('worker_install', { plugin: '@circus/worker-cat' });
  for await (const event of queen.watchJob(job)) {
    if (event.kind === 'ask') await queen.answerJob(job, event.id, 'yes');
    assert.notEqual(event.kind, 'error', JSON.stringify(event));
  }
  assert.ok((await plugins()).some(({ name }) => name === '@circus/worker-cat'));
});

test('a search finds what the registry has, with its types and paths', async () => {
  const found = (await home.json(['plugins', 'search', 'sayings'])).plugins;
  const names = found.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('@zoo/worker-owl') && !names.includes('@rbee/worker-llamacpp'), names.join(' '));
});

test('a type that is not in the registry either is reported as unknown, with the reason', async () => {
  const { code, message } = await refusal('worker', 'spawn', '--type', 'unicorn');
  assert.equal(code, 'TYPE_NOT_FOUND');
  assert.match(message, /could not be installed: @rbee\/worker-unicorn was not found/);
});

test('a range, an exact version, a link, a tarball, a folder and a git address can all be installed', {
  skip: atFullScale,
}, async () => {
  const name = '@zoo/worker-owl';
  for (const version of ['1.2.0', '2.0.0']) publish({ name, version, type: 'owl', server: saying(version) });
  const install = async (what: string) => {
    const { version, follows } = await home.json(['plugins', 'install', what, '--yes']);
    return [version, follows];
  };
  assert.deepEqual(await install(`${name}@^1`), ['1.2.0', '^1']);
  assert.equal((await home.json(['plugins', 'update', 'owl'])).updates[0].changed, false, 'the range allows no other');
  assert.deepEqual(await install(`${name}@latest`), ['2.0.0', 'latest']);
  assert.deepEqual(await install(`${name}@1.0.0`), ['1.0.0', null]);

  const folder = join(registry.folder, 'made', name, '1.2.0');
  assert.equal((await home.json(['plugins', 'link', folder])).source, 'link');
  assert.equal((await plugins()).find((plugin) => plugin.name === name)?.root, folder);
  assert.equal((await home.json(['plugins', 'unlink', name])).source, 'link');

  const { stdout } = await run('npm', ['pack', '--silent'], { cwd: folder, env: registry.env });
  assert.deepEqual(await install(join(folder, stdout.trim())), ['1.2.0', null]);
  edit(join(folder, 'package.json'), '"version":"1.2.0"', '"version":"1.2.1"');
  assert.deepEqual(await install(folder), ['1.2.1', null]);

  edit(join(folder, 'package.json'), '"version":"1.2.1"', '"version":"1.2.2"');
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { stdio: 'ignore' });
  git('init');
  git('add', 'package.json', 'index.js', 'server.js');
  git('-c', 'user.name=owl', '-c', 'user.email=owl@zoo.example', 'commit', '-m', 'owl');
  assert.deepEqual(await install(`git+file://${folder}`), ['1.2.2', null]);
});
