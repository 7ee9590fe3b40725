import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { type PackEntry, pack } from '../archives/pack.ts';
import type { ErrorCode } from '../contract/errors.ts';
import { RbeeError } from '../contract/errors.ts';
import type { DeliveredPlugin } from '../contract/plugins.ts';
import type { HostFacts } from '../contract/worker-type/worker-type.ts';
import { tempFolder, undoAfter } from '../lifecycle/process/testing.ts';
import { RegistryClient } from '../plugins/fetch/registry-client.ts';
import { InstalledPlugins } from '../plugins/install/installed-plugins.ts';
import { readLock } from '../plugins/lock-file.ts';
import { readIndex } from '../plugins/plugin-index.ts';
import {
  integrityOf,
  type PluginOptions,
  packEntries,
  packPlugin,
  pluginFiles,
  startTinyRegistry,
  type TinyRegistry,
} from '../plugins/testing/registry.ts';
import { testStore } from '../plugins/testing/store.ts';
import { Deliveries, type DeliveryRequest } from './deliveries.ts';

const call = { signal: new AbortController().signal, narrate: () => {} };
const here = { os: process.platform, cpu: process.arch };
/** A machine with a different platform. */
const elsewhere = { os: 'linux', cpu: process.arch === 'arm64' ? 'x64' : 'arm64', libc: 'glibc' } as const;
type Target = Omit<HostFacts['platform'], 'libc'> & { libc?: 'glibc' };

const hostOf = (platform: Target, alias = 'far', kinds: readonly string[] = ['cpu']) => {
  const devices = kinds.map((kind) => ({ id: kind === 'cpu' ? kind : `${kind}:0`, kind, name: kind }));
  const facts: HostFacts = {
    platform,
    cpu: { model: '', cores: 1 },
    memory: { total: 1, available: 1 },
    devices,
    probes: {},
  };
  return { alias, facts };
};

/** A queen with a registry, and hives without one. */
const setUp = async (t: TestContext) => {
  const registry = await startTinyRegistry();
  undoAfter(t, () => registry.close());
  const folder = await tempFolder(t);
  const store = await testStore(folder, registry);
  const [data, cache] = [store.data, join(folder, 'cache')];
  const config = join(dirname(data), 'config');
  const env = { PATH: process.env['PATH'], HOME: store.home };
  const fetcher = new RegistryClient({ env, folder: data, cacheFolder: cache, registry: registry.url });
  undoAfter(t, () => {
    fetcher.close();
    store.installer.close();
  });
  const deliveries = new Deliveries({
    data,
    config,
    cache,
    env,
    registry: { url: registry.url, allowedScopes: [] },
    fetcher,
    here,
  });
  const deliver = (request: DeliveryRequest, host = hostOf(elsewhere)) => deliveries.deliver(request, host, call);
  return { registry, folder, data, config, cache, installer: store.installer, deliveries, deliver };
};

/** The plugins of a machine without a registry. */
const hive = async (folder: string, target: Target = elsewhere, used: string[] = []) => {
  const data = await mkdtemp(join(folder, 'hive-'));
  const plugins = new InstalledPlugins({
    data,
    config: join(data, 'config'),
    target: async () => target,
    rootsInUse: async () => used,
    onChange: async () => {},
  });
  const left = async () => (await readdir(join(data, 'workers'))).filter((name) => name !== '.staging');
  return { data, plugins, left };
};

const taking = ({ archive, sha256, entry }: { archive: string; sha256: string; entry: DeliveredPlugin }) => ({
  archive,
  sha256,
  entry,
});

const offerPlugin = (registry: TinyRegistry, options: PluginOptions & { name: string; version: string }) => {
  const packed = packPlugin(options);
  const { name, version } = options;
  const rbee = { api: 1, workerTypes: { [options.type ?? 'echo']: { variants: options.variants ?? ['cpu'] } } };
  registry.offer({ name, version, packed, document: { rbee, ...options.more } });
};

const offerPackage = (
  registry: TinyRegistry,
  document: { name: string; version: string } & Record<string, unknown>,
) => {
  const { name, version } = document;
  const entries = [{ path: 'package/package.json', text: JSON.stringify(document) }];
  registry.offer({ name, version, packed: packEntries(entries), document });
};

const refused = async (work: Promise<unknown>, code: ErrorCode): Promise<RbeeError> => {
  const error = await work.then(
    () => assert.fail(`it was not refused (${code})`),
    (thrown) => thrown,
  );
  assert.ok(error instanceof RbeeError, String(error?.stack));
  assert.equal(error.code, code, error.message);
  return error;
};

/** The files of a plugin, built for both platforms. */
const both = (files: Record<string, string>): Record<string, string> => {
  const other = `platforms: ['${elsewhere.os}-${elsewhere.cpu}', `;
  const index = (files['index.js'] ?? '').replaceAll('platforms: [', other);
  return { ...files, 'index.js': index };
};

const offerEcho = (
  registry: TinyRegistry,
  version: string,
  more: Record<string, unknown> = {},
  name = '@rbee/worker-echo',
) => {
  const files = both(pluginFiles({ name, version, more }));
  const packed = packEntries(Object.entries(files).map(([path, text]) => ({ path: `package/${path}`, text })));
  const rbee = { api: 1, workerTypes: { echo: { variants: ['cpu'] } } };
  registry.offer({ name, version, packed, document: { rbee, ...more } });
  return integrityOf(packed);
};

test('a plugin is packed here for another platform, and its hive imports it without a registry', async (t) => {
  const { registry, folder, data, config, deliver } = await setUp(t);
  await writeFile(join(data, '.npmrc'), '//registry.test/:_authToken=secret\n');
  const either = { 'for-here': '1.0.0', 'for-there': '1.0.0' };
  offerPackage(registry, { name: 'tool', version: '1.0.0', optionalDependencies: either });
  offerPackage(registry, { name: 'for-here', version: '1.0.0', os: [here.os], cpu: [here.cpu] });
  offerPackage(registry, { name: 'for-there', version: '1.0.0', os: [elsewhere.os], cpu: [elsewhere.cpu] });
  const integrity = offerEcho(registry, '1.0.0', { dependencies: { tool: '1.0.0' } });
  const delivery = await deliver({ plugin: 'echo' });
  assert.equal(
    createHash('sha256')
      .update(await readFile(delivery.archive))
      .digest('hex'),
    delivery.sha256,
  );
  const { root, tag, platform } = delivery.entry;
  assert.deepEqual([root, tag, delivery.entry.integrity], ['node_modules/@rbee/worker-echo', 'latest', integrity]);
  assert.deepEqual(platform, elsewhere);
  const [locked] = await readLock(config);
  assert.deepEqual(
    [locked?.version, locked?.requested, locked?.variants.map(({ id, platform }) => `${id} ${platform}`)],
    ['1.0.0', 'latest', [`cpu ${elsewhere.os}-${elsewhere.cpu}`]],
  );

  const far = await hive(folder);
  const view = await far.plugins.import(taking(delivery), call);
  assert.deepEqual([view.changed, view.version, view.types, view.installed], [true, '1.0.0', ['echo'], ['cpu']]);
  const tree = view.root.slice(0, -root.length);
  assert.deepEqual((await readdir(join(tree, 'node_modules'))).sort(), ['@rbee', 'for-there', 'tool']);
  assert.deepEqual((await readdir(tree)).sort(), ['left-out', 'node_modules'], 'no token of this machine goes along');
  assert.match(tree, /workers\/@rbee\/worker-echo\/1\.0\.0-[0-9a-f]{8}\/cpu-/);

  await rm(delivery.archive);
  const again = await far.plugins.import(taking(delivery), call);
  assert.deepEqual(again, { ...view, changed: false });
});

test('a delivered plugin can be delivered again offline, also to other machines of that platform', {
  skip: atFullScale,
}, async (t) => {
  const { registry, deliver, deliveries } = await setUp(t);
  offerPackage(registry, { name: 'tool', version: '1.0.0' });
  offerEcho(registry, '1.0.0', { dependencies: { tool: '^1.0.0' } });
  const [first, second] = await Promise.all([
    deliver({ plugin: 'echo' }),
    deliver({ plugin: 'echo' }, hostOf(elsewhere, 'b')),
  ]);
  assert.deepEqual(second, first);
  await registry.close();
  assert.deepEqual(await deliver({ plugin: 'echo' }), first);
  assert.deepEqual(await deliver({ plugin: '@rbee/worker-echo', version: '^1.0.0' }, hostOf(elsewhere, 'c')), {
    ...first,
    entry: { ...first.entry, tag: '^1.0.0' },
  });
  const { integrity } = first.entry;
  const resolved = await deliveries.resolve({ plugin: 'echo', version: 'latest' }, call);
  assert.deepEqual(resolved, {
    package: '@rbee/worker-echo',
    version: '1.0.0',
    integrity,
    types: ['echo'],
    source: 'registry',
  });
});

test('the same lock gives the same archive when the cache is lost', { skip: atFullScale }, async (t) => {
  const { registry, deliver, cache } = await setUp(t);
  offerPackage(registry, { name: 'tool', version: '1.0.0' });
  offerEcho(registry, '1.0.0', { dependencies: { tool: '^1.0.0' } });
  const first = await deliver({ plugin: 'echo' });
  await rm(cache, { recursive: true });
  offerPackage(registry, { name: 'tool', version: '1.1.0' });
  assert.equal((await deliver({ plugin: 'echo' })).sha256, first.sha256);
});

test('rbee.lock determines the version, unless a newer one is requested', { skip: atFullScale }, async (t) => {
  const { registry, folder, deliver, deliveries, config } = await setUp(t);
  offerEcho(registry, '1.0.0');
  const old = await deliver({ plugin: 'echo' });
  offerEcho(registry, '1.1.0');
  assert.equal((await deliver({ plugin: 'echo' })).entry.version, '1.0.0');
  assert.equal((await deliveries.resolve({ plugin: 'echo', update: true }, call)).version, '1.1.0');
  assert.equal((await readLock(config))[0]?.version, '1.0.0', 'to look is not to lock');
  const exact = await deliver({ plugin: 'echo', version: '1.1.0' });
  assert.deepEqual([exact.entry.version, exact.entry.tag], ['1.1.0', undefined]);
  assert.equal((await readLock(config))[0]?.version, '1.0.0', 'one machine does not change what the others get');
  const updated = await deliver({ plugin: 'echo', update: true });
  assert.equal((await readLock(config))[0]?.version, '1.1.0');

  const used: string[] = [];
  const far = await hive(folder, elsewhere, used);
  const before = await far.plugins.import(taking(old), call);
  used.push(before.root);
  const after = await far.plugins.import(taking(updated), call);
  assert.deepEqual([after.changed, after.version, after.previous], [true, '1.1.0', '1.0.0']);
  await far.plugins.prune({ all: true });
  await access(join(before.root, 'server.js'));
});

test('a publisher needs confirmation once for all machines, and a scope that is not allowed is refused', async (t) => {
  const { registry, deliver } = await setUp(t);
  offerEcho(registry, '1.0.0', {}, '@acme/worker-echo');
  const request = { plugin: '@acme/worker-echo' };
  const error = await refused(deliver(request), 'PUBLISHER_UNKNOWN');
  const [accepted = ''] = error.lines;
  await refused(deliver({ ...request, accepted: `${accepted}x` }), 'PUBLISHER_UNKNOWN');
  const first = await deliver({ ...request, accepted });
  assert.equal((await deliver(request, hostOf(elsewhere, 'second'))).sha256, first.sha256);
});

test("the machine's best variant is delivered; one that does not exist for it is refused", async (t) => {
  const { registry, deliver } = await setUp(t);
  offerPlugin(registry, {
    name: '@rbee/worker-echo',
    version: '1.0.0',
    variants: ['cuda', 'cpu'],
    packages: `id === 'cuda' ? {} : { leaveOut: ['big'] }`,
    more: { dependencies: { big: '1.0.0' } },
  });
  offerPackage(registry, { name: 'big', version: '1.0.0' });
  const variantsFor = async (kinds: string[]) =>
    (await deliver({ plugin: 'echo' }, hostOf(here, 'it', kinds))).entry.variants;
  assert.deepEqual(await variantsFor(['cuda', 'cpu']), ['cuda']);
  assert.deepEqual(await variantsFor(['cpu']), ['cpu']);
  offerPlugin(registry, { name: '@rbee/worker-alike', version: '1.0.0', type: 'alike', variants: ['cuda', 'cpu'] });
  const alike = await deliver({ plugin: 'alike' }, hostOf(here));
  assert.deepEqual([alike.variant, alike.entry.variants], ['cpu', ['cuda', 'cpu']], 'both come in one tree');
  await refused(deliver({ plugin: 'echo', variant: 'rocm' }, hostOf(here)), 'VARIANT_NOT_FOUND');
  await refused(deliver({ plugin: 'echo' }, hostOf(elsewhere)), 'VARIANT_INCOMPATIBLE');
});

test('two variants of a plugin can be delivered in turn and coexist', { skip: atFullScale }, async (t) => {
  const { registry, folder, deliver } = await setUp(t);
  offerPlugin(registry, {
    name: '@rbee/worker-echo',
    version: '1.0.0',
    variants: ['cuda', 'cpu'],
    packages: `id === 'cuda' ? {} : { leaveOut: ['big'] }`,
    more: { dependencies: { big: '1.0.0' } },
  });
  offerPackage(registry, { name: 'big', version: '1.0.0' });
  const near = await hive(folder, here);
  await near.plugins.import(taking(await deliver({ plugin: 'echo', variant: 'cpu' }, hostOf(here))), call);
  const cuda = await deliver({ plugin: 'echo', variant: 'cuda' }, hostOf(here));
  const view = await near.plugins.import(taking(cuda), call);
  assert.deepEqual(view.installed, ['cpu', 'cuda']);
  assert.equal((await near.plugins.import(taking(cuda), call)).changed, false);
});

/** A plugin under development, with its own package next to it. */
const written = async (folder: string) => {
  const root = join(folder, 'writing');
  const write = async (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  const files = both(
    pluginFiles({ name: '@me/worker-draft', type: 'draft', more: { dependencies: { helper: '^1' }, files: ['*.js'] } }),
  );
  await write({
    ...files,
    'notes.txt': 'not for others',
    '.env': 'SECRET=1',
    'packages/helper/package.json': '{"name":"helper","version":"1.0.0"}',
    'packages/helper/index.js': 'export const words = 1;',
  });
  await mkdir(join(root, 'node_modules'));
  await symlink('../packages/helper', join(root, 'node_modules/helper'));
  return { root, write };
};

test('a linked plugin is packed as is, with the packages next to it, and again after any change', async (t) => {
  const { folder, deliver, deliveries, installer, config, cache } = await setUp(t);
  const { root, write } = await written(folder);
  await installer.link(root, call);
  const first = await deliver({ plugin: 'draft' });
  const looks = (await readdir(join(cache, 'bundles'))).filter((name) => name.startsWith('folder-'));
  assert.equal(looks.length, 1, 'what npm packs of it is kept for the next queen');
  assert.deepEqual([first.entry.root, first.entry.registry, first.entry.version], ['plugin', null, '1.0.0']);
  const resolved = await deliveries.resolve({ plugin: 'draft', version: 'latest' }, call);
  assert.deepEqual([resolved.source, resolved.integrity], ['folder', first.entry.integrity]);
  assert.deepEqual(await readLock(config), []);
  const far = await hive(folder);
  const view = await far.plugins.import(taking(first), call);
  assert.deepEqual((await readdir(view.root)).sort(), ['index.js', 'node_modules', 'package.json', 'server.js']);
  assert.equal(await readFile(join(view.root, 'node_modules/helper/index.js'), 'utf8'), 'export const words = 1;');
  assert.deepEqual(await deliver({ plugin: 'draft' }), first);

  await write({ 'notes.txt': 'changed, but it does not go along' });
  assert.deepEqual(await deliver({ plugin: 'draft' }), first);
  await write({ 'packages/helper/index.js': 'export const words = 2;' });
  const second = await deliver({ plugin: 'draft' });
  assert.notEqual(second.entry.integrity, first.entry.integrity);
  const after = await far.plugins.import(taking(second), call);
  assert.equal(after.changed, true);
  assert.notEqual(after.root, view.root);
  await access(view.root);
});

/** Any folder could be sent to another machine: a link with the right name in node_modules was enough. */
test('a folder is packed with a linked plugin only if it is the requested package', async (t) => {
  const { folder, deliver, installer } = await setUp(t);
  const { root } = await written(folder);
  await installer.link(root, call);
  const helper = join(root, 'node_modules/helper');
  for (const [path, manifest] of [
    ['../../private', '{"name":"private","version":"1.0.0"}'],
    ['../../unnamed', '{}'],
  ] as const) {
    await mkdir(join(root, 'node_modules', path), { recursive: true });
    await writeFile(join(root, 'node_modules', path, 'package.json'), manifest);
    await writeFile(join(root, 'node_modules', path, 'key.js'), 'a secret');
    await rm(helper);
    await symlink(path, helper);
    const error = await refused(deliver({ plugin: 'draft' }), 'PACKAGE_REFUSED');
    assert.match(error.message, /helper.*not a package of that name/);
  }
  await rm(helper);
  await symlink('../packages/helper', helper);
  await deliver({ plugin: 'draft' });
  await symlink(join(folder, 'private/key.js'), join(root, 'extra.js'));
  const error = await refused(deliver({ plugin: 'draft' }), 'PACKAGE_REFUSED');
  assert.match(error.message, /the link extra\.js leads out of it/);
});

test('a linked plugin with packages for this platform only is not delivered to another', async (t) => {
  const { folder, deliver, installer } = await setUp(t);
  const { root, write } = await written(folder);
  await write({
    'packages/helper/package.json': JSON.stringify({ name: 'helper', version: '1.0.0', cpu: [here.cpu] }),
  });
  await installer.link(root, call);
  const error = await refused(deliver({ plugin: 'draft' }), 'PACKAGE_INCOMPATIBLE');
  assert.match(error.message, /helper/);
  assert.equal((await deliver({ plugin: 'draft' }, hostOf(here))).entry.root, 'plugin');
});

test('a plugin installed from a file is packed from its installation', { skip: atFullScale }, async (t) => {
  const { folder, deliver, installer, registry } = await setUp(t);
  offerPackage(registry, { name: 'tool', version: '1.0.0' });
  const files = both(
    pluginFiles({ name: '@me/worker-filed', type: 'filed', more: { dependencies: { tool: '1.0.0' } } }),
  );
  const packed = packEntries(Object.entries(files).map(([path, text]) => ({ path: `package/${path}`, text })));
  const file = join(folder, 'filed.tgz');
  await writeFile(file, packed);
  const local = await installer.install({ plugin: file, yes: true }, call);
  const delivery = await deliver({ plugin: 'filed' });
  assert.deepEqual([delivery.entry.integrity, delivery.entry.registry], [local.integrity, null]);
  const far = await hive(folder);
  const view = await far.plugins.import(taking(delivery), call);
  await access(join(view.root, '../../tool/package.json'));
});

test('an archive that does not match its description changes nothing on a hive', async (t) => {
  const { registry, folder, deliver } = await setUp(t);
  offerEcho(registry, '1.0.0');
  const good = taking(await deliver({ plugin: 'echo' }));
  const far = await hive(folder);
  const wrong: [ErrorCode, object, object?][] = [
    ['BUNDLE_CORRUPT', { sha256: '0'.repeat(64) }],
    ['PACKAGE_REFUSED', {}, { version: '1.0.1' }],
    ['PACKAGE_REFUSED', {}, { name: '@rbee/worker-other' }],
    ['DELIVERY_INCOMPATIBLE', {}, { variants: ['cuda'] }],
    ['DELIVERY_INCOMPATIBLE', {}, { platform: here }],
    ['PLUGIN_INVALID', {}, { root: 'node_modules/echo' }],
  ];
  for (const [code, more, entry] of wrong) {
    await refused(far.plugins.import({ ...good, ...more, entry: { ...good.entry, ...entry } }, call), code);
    assert.deepEqual(await readIndex(far.data), [], code);
    assert.deepEqual(await far.left(), [], code);
  }
  await refused((await hive(folder, here)).plugins.import(good, call), 'DELIVERY_INCOMPATIBLE');
  assert.equal((await far.plugins.import(good, call)).changed, true);
});

test('an archive cannot write outside the store', async (t) => {
  const { registry, folder, deliver } = await setUp(t);
  offerEcho(registry, '1.0.0');
  const { entry } = await deliver({ plugin: 'echo' });
  const traps: PackEntry[] = [
    { path: '../../../../out', kind: 'text', text: 'x' },
    { path: 'node_modules/out', kind: 'link', target: '../../../..' },
  ];
  for (const trap of traps) {
    const { file, sha256 } = await pack([trap], { folder, signal: call.signal });
    const far = await hive(folder);
    await refused(far.plugins.import({ archive: file, sha256, entry }, call), 'BUNDLE_CORRUPT');
    assert.deepEqual(await far.left(), []);
  }
});

test('a hive killed during an import has the plugin completely or not at all, and can import it again', async (t) => {
  const { registry, folder, deliver } = await setUp(t);
  const big = Array.from({ length: 40 }, (_, index) => createHash('sha512').update(String(index)).digest('hex')).join(
    '',
  );
  offerEcho(registry, '1.0.0', { description: big });
  const request = taking(await deliver({ plugin: 'echo' }));
  const far = await hive(folder);
  const script = `const { InstalledPlugins } = await import(${JSON.stringify(join(import.meta.dirname, '../plugins/install/installed-plugins.ts'))});
    const plugins = new InstalledPlugins({ data: ${JSON.stringify(far.data)}, config: '/nowhere', target: async () => (${JSON.stringify(elsewhere)}),
      rootsInUse: async () => { process.kill(process.pid, 'SIGKILL'); return []; }, onChange: async () => {} });
    await plugins.import(${JSON.stringify(request)}, { signal: new AbortController().signal, narrate: () => {} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  assert.deepEqual(await readIndex(far.data), []);
  assert.equal((await far.plugins.import(request, call)).changed, true);
});

test('a package named by a hive is accepted only if this machine knows it and it has the requested type', async (t) => {
  const { registry, config, deliver } = await setUp(t);
  offerEcho(registry, '1.0.0');
  offerEcho(registry, '1.0.0', {}, '@evil/worker-echo');
  const nameOf = async (plugin: string, type: string) => (await deliver({ plugin, type, yes: true })).entry.name;
  for (const named of ['@evil/worker-echo', `${registry.url}/evil.tgz`, '/etc', 'git+file:///etc', 'echo@6.6.6', '']) {
    assert.equal(await nameOf(named, 'echo'), '@rbee/worker-echo');
  }
  // This machine uses another publisher's package for this type, and this version of it.
  await deliver({ plugin: '@evil/worker-echo', yes: true });
  assert.ok((await readLock(config)).some(({ name }) => name === '@evil/worker-echo'));
  offerEcho(registry, '2.0.0', {}, '@evil/worker-echo');
  const { entry } = await deliver({ plugin: '@evil/worker-echo', type: 'echo' });
  assert.deepEqual([entry.name, entry.version], ['@evil/worker-echo', '1.0.0']);
  const error = await refused(deliver({ plugin: '@evil/worker-echo', type: 'other' }), 'PACKAGE_REFUSED');
  assert.match(error.message, /does not have worker type other/);
});
