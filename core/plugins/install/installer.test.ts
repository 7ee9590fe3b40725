import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { atFullScale, sampleOf } from '@rbee/test/scale';
import type { ErrorCode, RbeeError } from '../../contract/errors.ts';
import { Evaluator } from '../../worker-types/evaluator.ts';
import { readManifest } from '../../worker-types/manifest.ts';
import { readLock } from '../lock-file.ts';
import { readIndex } from '../plugin-index.ts';
import { catalogFolder, stagingFolder } from '../store.ts';
import {
  integrityOf,
  type Offer,
  type PluginOptions,
  packPlugin,
  pluginFiles,
  startTinyRegistry,
  type TinyRegistry,
} from '../testing/registry.ts';
import { Installer, type InstallRequest } from './installer.ts';

// A hanging plugin keeps a core busy for this long.
Evaluator.callTimeoutMs = 1_500;

let home: string;
let registry: TinyRegistry;
const installers: Installer[] = [];
before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'rbee-installer-')));
});
afterEach(async () => {
  for (const installer of installers.splice(0)) installer.close();
  await registry?.close();
});
after(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));

interface Place {
  installer: Installer;
  data: string;
  config: string;
  used: string[];
  install(plugin: string, more?: Partial<InstallRequest>): ReturnType<Installer['install']>;
  said: string[];
}

/** A new store whose npm uses only this test's registry. */
const place = async (allowedScopes: readonly string[] = []): Promise<Place> => {
  const folder = await mkdtemp(join(home, 'store-'));
  const [data, config, npm] = [join(folder, 'data'), join(folder, 'config'), join(folder, 'npm')];
  for (const one of [data, npm]) await mkdir(one, { recursive: true });
  await writeFile(join(npm, '.npmrc'), 'fetch-retries=0\nfetch-timeout=1500\n');
  const used: string[] = [];
  const installer = new Installer({
    hive: 'local',
    data,
    config,
    cache: join(home, 'cache'),
    env: { PATH: process.env['PATH'], HOME: npm },
    registry: { url: registry.url, allowedScopes },
    target: async () => ({ os: process.platform, cpu: process.arch }),
    chooseVariant: async ([type]) => type?.manifest.variants[0] ?? '',
    rootsInUse: async () => used,
    onChange: async () => {},
  });
  installers.push(installer);
  const said: string[] = [];
  const call = {
    signal: new AbortController().signal,
    narrate: (event: object) => void said.push(JSON.stringify(event)),
  };
  const install: Place['install'] = (plugin, more) => installer.install({ plugin, ...more }, call);
  return { installer, data, config, used, install, said };
};
const call = { signal: new AbortController().signal, narrate: () => {} };

const offer = (options: PluginOptions & Partial<Offer> = {}): void => {
  const { name = '@rbee/worker-echo', version = '1.0.0' } = options;
  registry.offer({ name, version, packed: packPlugin(options), ...options });
};

/** Nothing was installed, nothing is left behind, and the error names what was requested. */
const assertRefused = async (
  { data, config, install }: Place,
  plugin: string,
  code: ErrorCode,
  expected: RegExp,
  kept: readonly string[] = [],
): Promise<void> => {
  await assert.rejects(install(plugin), (error: RbeeError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, expected);
    // The error must name the folder where a token was looked for.
    if (code !== 'REGISTRY_DENIED') assert.doesNotMatch(error.message, /rbee-installer-/, 'no folder of ours');
    return true;
  });
  assert.deepEqual(
    (await readIndex(data)).map(({ version }) => version),
    kept,
  );
  assert.deepEqual(
    (await readLock(config)).map(({ version }) => version),
    kept,
  );
  assert.deepEqual(readdirSync(stagingFolder(data)), []);
};

test('a plugin is installed into a folder for its version, and pinned', async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  const view = await store.install('echo');
  assert.equal(view.name, '@rbee/worker-echo');
  assert.deepEqual(view.installed, ['cpu']);
  assert.match(
    view.root,
    /workers\/@rbee\/worker-echo\/1\.0\.0-[0-9a-f]{8}\/cpu-\w+-\w+\/node_modules\/@rbee\/worker-echo$/,
  );
  assert.equal((await readManifest(view.root)).version, '1.0.0');
  const [locked] = await readLock(store.config);
  assert.equal(locked?.integrity, view.integrity);
  assert.equal(locked?.requested, 'latest');
});

test('an installed plugin is not fetched again; offline, nothing is fetched', async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  await store.install('echo');
  const before = registry.requests.length;
  assert.equal((await store.install('echo')).changed, false);
  assert.equal(registry.requests.length, before);
  await registry.close();
  assert.equal((await store.install('echo', { force: true, offline: true })).changed, true);
});

test('the locked version is installed even if there is a newer one', async () => {
  registry = await startTinyRegistry();
  offer();
  const first = await place();
  await first.install('echo');
  offer({ version: '2.0.0' });
  const second = await place();
  await mkdir(second.config, { recursive: true });
  await writeFile(join(second.config, 'rbee.lock'), await readFile(join(first.config, 'rbee.lock')));
  assert.equal((await second.install('echo')).version, '1.0.0');
  assert.equal((await second.install('echo@latest')).version, '2.0.0');
});

test('a version republished with different content is refused because of the lock', async () => {
  registry = await startTinyRegistry();
  offer();
  const first = await place();
  await first.install('echo');
  await registry.close();
  registry = await startTinyRegistry();
  offer({ code: '// other' });
  const second = await place();
  await mkdir(second.config, { recursive: true });
  await writeFile(join(second.config, 'rbee.lock'), await readFile(join(first.config, 'rbee.lock')));
  await assert.rejects(second.install('echo'), { code: 'PACKAGE_REFUSED', message: /published again/ });
});

test('an update keeps the old version while workers run it; prune removes it afterwards', async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  const old = await store.install('echo@^1');
  offer({ version: '1.1.0' });
  offer({ version: '2.0.0' });
  const planned = await store.installer.update('echo', { dryRun: true }, call);
  assert.deepEqual([planned.from, planned.to], ['1.0.0', '1.1.0']);
  assert.equal((await readIndex(store.data))[0]?.version, '1.0.0');
  await store.installer.update('echo', {}, call);
  const [entry] = await readIndex(store.data);
  assert.equal(entry?.version, '1.1.0');
  assert.equal(entry?.previous?.version, '1.0.0');
  store.used.push(old.root);
  assert.deepEqual((await store.installer.prune({ all: true })).removed, []);
  assert.ok(existsSync(old.root));
  store.used.length = 0;
  assert.equal((await store.installer.prune({ all: true })).removed.length, 1);
  assert.ok(!existsSync(old.root));
  assert.ok(existsSync(entry?.root ?? ''));
});

test('uninstalling removes a plugin from index, lock and disk, but keeps files that a worker uses', async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  const view = await store.install('echo');
  store.used.push(view.root);
  await store.installer.uninstall('echo', call);
  assert.deepEqual(await readIndex(store.data), []);
  assert.deepEqual(await readLock(store.config), []);
  assert.ok(existsSync(view.root));
  store.used.length = 0;
  await store.installer.prune({});
  assert.deepEqual(readdirSync(catalogFolder(store.data)), ['.staging']);
  await assert.rejects(store.installer.uninstall('echo', call), { code: 'NOT_INSTALLED' });
});

test('three installations at once, by different installers of one store, all succeed', {
  skip: atFullScale,
}, async () => {
  registry = await startTinyRegistry();
  const types = ['one', 'two', 'three'];
  for (const type of types) offer({ name: `@rbee/worker-${type}`, type });
  const store = await place();
  await Promise.all(types.map((type) => store.install(type)));
  assert.deepEqual(
    (await readIndex(store.data)).map(({ name }) => name).sort(),
    types.map((type) => `@rbee/worker-${type}`).sort(),
  );
  assert.equal((await readLock(store.config)).length, 3);
  for (const { root } of await readIndex(store.data)) await readManifest(root);
});

test('three installations of the same plugin at once leave one complete copy', { skip: atFullScale }, async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  const views = await Promise.all([1, 2, 3].map(() => store.install('echo')));
  assert.equal(new Set(views.map(({ root }) => root)).size, 1);
  assert.equal((await readManifest(views[0]?.root ?? '')).version, '1.0.0');
  assert.equal((await readIndex(store.data)).length, 1);
});

test('a folder or a tarball needs confirmation and is installed as a copy', async () => {
  registry = await startTinyRegistry();
  const store = await place();
  const file = join(home, 'echo.tgz');
  await writeFile(file, packPlugin());
  await assert.rejects(store.install(file), { code: 'PUBLISHER_UNKNOWN' });
  assert.equal((await store.install(file, { yes: true })).registry, null);
  const folder = await mkdtemp(join(home, 'source-'));
  const scripts = {
    prepare: `touch ${home}/prepared`,
    prepack: `touch ${home}/prepared`,
    postinstall: `touch ${home}/prepared`,
  };
  const files = pluginFiles({ version: '1.0.1', more: { scripts } });
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  assert.equal((await store.install(folder, { yes: true })).version, '1.0.1');
  assert.ok(!existsSync(join(home, 'prepared')), 'no script was run');
});

test('a linked folder is used in place, and unlinking does not touch it', async () => {
  registry = await startTinyRegistry();
  const store = await place();
  const folder = await mkdtemp(join(home, 'linked-'));
  for (const [path, text] of Object.entries(pluginFiles())) await writeFile(join(folder, path), text);
  assert.equal((await store.installer.link(folder, call)).source, 'link');
  assert.equal((await readIndex(store.data))[0]?.root, folder);
  await store.installer.uninstall('echo', call);
  assert.ok(existsSync(join(folder, 'index.js')));
  await rm(join(folder, 'index.js'));
  await assert.rejects(store.installer.link(folder, call), { code: 'PLUGIN_NOT_BUILT', hint: /npm run build/ });
  assert.deepEqual(await readIndex(store.data), []);
});

test('scopes that are not allowed are refused', async () => {
  registry = await startTinyRegistry();
  offer();
  await assertRefused(await place(['@acme']), 'echo', 'SCOPE_NOT_ALLOWED', /only packages of @acme are allowed/);
});

test('errors name a registry that is down, broken, slow or empty, and the old version stays', {
  skip: atFullScale,
}, async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  await store.install('echo');
  offer({ version: '2.0.0' });
  const kept = ['1.0.0'];
  const answers: [ErrorCode, RegExp, Parameters<TinyRegistry['misbehave']>[0]][] = [
    ['REGISTRY_UNREACHABLE', /500|does not answer/, (_, response) => !!response.writeHead(500).end('{}')],
    ['REGISTRY_DENIED', /401/, (_, response) => !!response.writeHead(401).end('{}')],
    ['PACKAGE_NOT_FOUND', /does not have/, (_, response) => !!response.writeHead(404).end('{}')],
    [
      'REGISTRY_UNREACHABLE',
      /JSON/,
      (_, response) => !!response.writeHead(200, { 'cache-control': 'no-store' }).end('<html>welcome</html>'),
    ],
    ['REGISTRY_UNREACHABLE', /does not answer|hang up|reset/, (request) => !!request.socket.destroy()],
    ['REGISTRY_UNREACHABLE', /timeout|does not answer/i, () => true],
    [
      'PACKAGE_REFUSED',
      /does not match the checksum|cannot be unpacked|cut/,
      ({ url = '' }, response) =>
        url.endsWith('.tgz') && !!response.end(packPlugin({ version: '2.0.0' }).subarray(0, 200)),
    ],
    [
      'PACKAGE_REFUSED',
      /does not match the checksum/,
      ({ url = '' }, response) =>
        url.endsWith('.tgz') && !!response.end(packPlugin({ version: '2.0.0', code: 'evil()' })),
    ],
    [
      'REGISTRY_UNREACHABLE',
      /timeout|aborted|hang up|premature/i,
      ({ url = '' }, response) =>
        url.endsWith('.tgz') && !!response.writeHead(200, { 'content-length': 5_000 }).write('x'),
    ],
  ];
  for (const [code, expected, how] of answers) {
    registry.misbehave(how);
    await assertRefused(store, 'echo@2.0.0', code, expected, kept);
  }
  registry.misbehave(() => false);
  await registry.close();
  await assertRefused(store, 'echo@2.0.0', 'REGISTRY_UNREACHABLE', /ECONNREFUSED|does not answer/, kept);
});

test('a package that misrepresents itself is refused by name and leaves nothing behind', async () => {
  registry = await startTinyRegistry();
  const packages: [string, ErrorCode, RegExp, PluginOptions & Partial<Offer>][] = [
    ['newer', 'PLUGIN_API_VERSION', /@rbee\/worker-newer is written for API version 9/, { api: 9 }],
    ['none', 'PLUGIN_INVALID', /worker-none@1\.0\.0/, { manifest: '{"name":"@rbee/worker-none","version":"1.0.0"}' }],
    ['broken', 'PLUGIN_INVALID', /worker-broken@1\.0\.0 cannot be used: its package.json/, { manifest: '{' }],
    [
      'other',
      'PACKAGE_REFUSED',
      /its package.json says @rbee\/else@1\.0\.0/,
      { packed: packPlugin({ name: '@rbee/else' }) },
    ],
    ['liar', 'PLUGIN_INVALID', /its manifest lists the variants/, { code: '', packed: lying() }],
    ['throws', 'PLUGIN_FAILED', /no mood/, { code: `throw new Error('no mood');` }],
    ['loops', 'PLUGIN_FAILED', /no answer within 1.5 s/, { code: 'for (;;);' }],
    ['exits', 'PLUGIN_FAILED', /exited with code 7/, { code: 'process.exit(7);' }],
    ['writes', 'PLUGIN_FAILED', /restricted|ERR_ACCESS_DENIED/, { code: writing() }],
    ['path', 'PLUGIN_INVALID', /worker type "\.\.\/evil"/, { type: '../evil' }],
    ['pollutes', 'PLUGIN_INVALID', /./, { manifest: polluting() }],
    [
      'linked',
      'PACKAGE_REFUSED',
      /contains a link/,
      { entries: [{ path: 'package/x', type: 'SymbolicLink', linkpath: '/etc' }] },
    ],
    ['outside', 'PACKAGE_REFUSED', /is outside/, { entries: [{ path: 'package/../../../x', text: 'x' }] }],
    ['huge', 'PACKAGE_REFUSED', /unpacks to more/, { entries: [{ path: 'package/x', size: 10 * 1024 ** 3 }] }],
    ['weak', 'PACKAGE_REFUSED', /no sha512/, { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }],
  ];
  const store = await place();
  for (const [word, code, expected, options] of sampleOf(packages)) {
    const name = `@rbee/worker-${word}`;
    offer({ type: word, ...options, name });
    await assertRefused(store, word, code, expected);
  }
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.ok(!existsSync(join(home, 'written')));
});

const writing = (): string => `(await import('node:fs')).writeFileSync('${home}/written', '');`;
const lying = (): Buffer => {
  const files = pluginFiles({ name: '@rbee/worker-liar', type: 'liar' });
  const manifest = (files['package.json'] ?? '').replace('"variants":["cpu"]', '"variants":["cpu","cuda"]');
  return packPlugin({ name: '@rbee/worker-liar', type: 'liar', manifest });
};
const polluting = (): string =>
  `{"name":"@rbee/worker-pollutes","version":"1.0.0","__proto__":{"polluted":true},"rbee":{"api":1,"workerTypes":{
    "__proto__":{"entry":"./index.js","serves":["/v1/x"],"variants":["cpu"],"polluted":true}}}}`;

test('a type that another plugin provides is refused, and both are named', { skip: atFullScale }, async () => {
  registry = await startTinyRegistry();
  offer();
  offer({ name: '@rbee/worker-echo2' });
  const store = await place();
  await store.install('echo');
  await assertRefused(store, '@rbee/worker-echo2', 'PLUGIN_CONFLICT', /@rbee\/worker-echo and @rbee\/worker-echo2/, [
    '1.0.0',
  ]);
});

test('a cancelled installation leaves nothing behind', async () => {
  registry = await startTinyRegistry();
  offer();
  const store = await place();
  const cancel = new AbortController();
  registry.misbehave(({ url = '' }) => {
    if (url.endsWith('.tgz')) cancel.abort(new Error('enough'));
    return url.endsWith('.tgz');
  });
  await assert.rejects(store.installer.install({ plugin: 'echo' }, { ...call, signal: cancel.signal }), /enough/);
  assert.deepEqual(await readIndex(store.data), []);
  assert.deepEqual(readdirSync(stagingFolder(store.data)), []);
});

test('dependencies are installed with the plugin, except what its variant leaves out, and identically from the lock', async () => {
  registry = await startTinyRegistry();
  const dependency = (name: string, more: Record<string, unknown> = {}) =>
    offer({ name, manifest: JSON.stringify({ name, version: '1.0.0', ...more }), document: more });
  dependency('engine', { dependencies: { 'engine-cpu': '1.0.0', 'engine-cuda': '1.0.0' } });
  dependency('engine-cpu', { scripts: { postinstall: `touch ${home}/ran` }, hasInstallScript: true });
  dependency('engine-cuda');
  const dependencies = { dependencies: { engine: '^1.0.0' } };
  const packages = `{ leaveOut: ['engine-cuda'] }`;
  offer({ packages, more: dependencies, document: dependencies });
  const store = await place();
  const { root } = await store.install('echo');
  const modules = join(root, '../..');
  assert.deepEqual(
    readdirSync(modules)
      .filter((name) => !name.startsWith('.'))
      .sort(),
    ['@rbee', 'engine', 'engine-cpu', 'engine-cuda'],
  );
  assert.match(await readFile(join(modules, 'engine-cuda/package.json'), 'utf8'), /left-out/);
  assert.ok(!existsSync(join(home, 'ran')), 'no script was run');
  const [locked] = await readLock(store.config);
  assert.match(locked?.variants[0]?.npm_lock ?? '', /node_modules\/engine-cpu/);

  offer({ name: 'engine', version: '1.1.0', manifest: '{"name":"engine","version":"1.1.0"}' });
  const second = await place();
  await mkdir(second.config, { recursive: true });
  await writeFile(join(second.config, 'rbee.lock'), await readFile(join(store.config, 'rbee.lock')));
  await second.install('echo');
  assert.deepEqual((await readLock(second.config))[0]?.variants, locked?.variants);
});

test('a registry signature is verified if the registry has keys; an invalid one is refused', async () => {
  registry = await startTinyRegistry();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const keys = [{ keyid: 'SHA256:ours', keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', key, expires: null }];
  registry.misbehave(({ url }, response) => url === '/-/npm/v1/keys' && !!response.end(JSON.stringify({ keys })));
  const signed = (type: string, message: (right: string) => string, keyid = 'SHA256:ours') => {
    const name = `@rbee/worker-${type}`;
    const packed = packPlugin({ name, type });
    const right = message(`${name}@1.0.0:${integrityOf(packed)}`);
    offer({
      name,
      type,
      packed,
      signatures: [{ keyid, sig: sign('sha256', Buffer.from(right), privateKey).toString('base64') }],
    });
  };
  signed('right', (right) => right);
  signed('wrong', (right) => `${right} but`);
  signed('keyless', (right) => right, 'SHA256:theirs');
  const store = await place();
  await assertRefused(store, 'wrong', 'PACKAGE_REFUSED', /signature/);
  await assertRefused(store, 'keyless', 'PACKAGE_REFUSED', /no corresponding public key/);
  await store.install('right');
  assert.equal((await readIndex(store.data))[0]?.signature, 'verified');
});

test('without a registry search, the index package is searched', async () => {
  registry = await startTinyRegistry();
  const store = await place();
  await assert.rejects(store.installer.search('', {}), { code: 'PACKAGE_NOT_FOUND', message: /has neither a search/ });
  const hit = (type: string) => ({
    name: `@acme/worker-${type}`,
    version: '1.0.0',
    description: '',
    license: 'MIT',
    publisher: '@acme',
    types: [{ type, variants: ['cpu'], serves: ['/v1/x'] }],
  });
  const manifest = '{"name":"@rbee/plugin-index","version":"1.0.0"}';
  const entries = [{ path: 'package/plugins.json', text: JSON.stringify([hit('owl'), hit('cat')]) }];
  offer({ name: '@rbee/plugin-index', manifest, entries });
  assert.deepEqual(await store.installer.search('cat', {}), [hit('cat')]);
});

test('variants with different packages have separate trees, and a second one is added to the first', {
  skip: atFullScale,
}, async () => {
  registry = await startTinyRegistry();
  for (const name of ['engine', 'engine-cuda']) offer({ name, manifest: JSON.stringify({ name, version: '1.0.0' }) });
  const dependencies = { dependencies: { engine: '1.0.0', 'engine-cuda': '1.0.0' } };
  const packages = `id === 'cpu' ? { leaveOut: ['engine-cuda'] } : {}`;
  offer({ variants: ['cpu', 'cuda', 'other'], packages, more: dependencies, document: dependencies });
  const store = await place();
  const first = await store.install('echo');
  assert.deepEqual(first.installed, ['cpu']);
  assert.ok(!existsSync(join(first.root, '../../engine-cuda')));
  const second = await store.install('echo', { variant: 'cuda' });
  assert.deepEqual(second.installed.toSorted(), ['cpu', 'cuda', 'other']);
  assert.equal(second.root, first.root, 'the first stays the one that describes the type');
  const [entry] = await readIndex(store.data);
  assert.ok(existsSync(join(entry?.variants?.['other'] ?? '', '../../engine-cuda')));
  assert.deepEqual((await readLock(store.config))[0]?.variants.map(({ id }) => id).sort(), ['cpu', 'cuda', 'other']);
});

test('a variant that does not exist, or not for this platform, is refused', { skip: atFullScale }, async () => {
  registry = await startTinyRegistry();
  offer();
  offer({ name: '@rbee/worker-far', type: 'far', os: 'plan9' });
  const store = await place();
  await assert.rejects(store.install('echo', { variant: 'npu' }), {
    code: 'VARIANT_NOT_FOUND',
    message: /no variant npu/,
  });
  await assertRefused(store, 'far', 'VARIANT_INCOMPATIBLE', /not built for this platform/);
});

test('a dependency that is missing is named, and nothing is installed', async () => {
  registry = await startTinyRegistry();
  const dependencies = { dependencies: { nowhere: '^1.0.0' } };
  offer({ more: dependencies, document: dependencies });
  await assertRefused(await place(), 'echo', 'NPM_FAILED', /dependencies of @rbee\/worker-echo.*nowhere/);
});
