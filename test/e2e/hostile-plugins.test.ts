/**
 * Malicious packages, published to a real registry as the next version of a plugin in use. Each is refused by name and
 * changes nothing: not the home, no folder outside it, no running worker.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../core/contract/errors.ts';
import { type PluginOptions, packEntries, packPlugin, pluginFiles } from '../../core/plugins/testing/registry.ts';
import { listing } from '../harness/folder-listing.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';
import { sampleOf } from '../harness/until.ts';

const name = '@rbee/worker-echo';
const canary = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-canary-')));
writeFileSync(join(canary, 'keep'), 'as it is');
writeFileSync(join(canary, 'package.json'), '{"name":"canary","version":"1.0.0"}');
mkdirSync(join(canary, 'folder'));

let registry: Registry;
let home: TestHome;
let queen: { pid: number; url: string };
before(async () => {
  registry = await startRegistry();
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  home.env['HOME'] = registry.env['HOME'];
  for (const type of ['echo', 'other']) {
    await publish({ name: `@rbee/worker-${type}`, type });
    await home.json(['plugins', 'install', type]);
    await spawn(type, type);
  }
  queen = (await home.json(['status'])).queen;
});
after(async () => {
  await home?.close();
  await registry?.close();
  rmSync(canary, { recursive: true });
});

const spawn = (type: string, as: string) => home.json(['worker', 'spawn', '--type', type, '--name', as]);

/** The version of the plugin that a worker runs. */
const versionOf = async (model: string): Promise<string> => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${queen.url}/v1/echo`, { method: 'POST', headers, body: JSON.stringify({ model }) });
  return ((await response.json()) as { version: string }).version;
};

const publish = async (options: PluginOptions & { packed?: Buffer }): Promise<void> => {
  const { packed = packPlugin({ name, ...options }) } = options;
  const document = JSON.parse(pluginFiles({ name, ...options, manifest: undefined })['package.json'] ?? '');
  await registry.put(packed, document);
};

/** The home without what daemons keep writing and what can be rebuilt. */
const homeNow = () => listing(home.folder, /^cache|^state\/[^/]+\/(queen\.db|logs|runs)/);

let count = 0;
interface Harm {
  /** The package; its version is filled in. */
  plugin?: () => PluginOptions & { packed?: (options: PluginOptions) => Buffer };
  code: ErrorCode;
  says: RegExp;
}

const harms: Record<string, Harm> = {
  'a file outside its folder': {
    plugin: () => ({ entries: [{ path: `package/${'../'.repeat(20)}${canary}/evil`, text: 'x' }] }),
    code: 'PACKAGE_REFUSED',
    says: /is outside/,
  },
  'a file with an absolute path': {
    plugin: () => ({ entries: [{ path: `${canary}/evil`, text: 'x' }] }),
    code: 'PACKAGE_REFUSED',
    says: /is outside/,
  },
  'a symbolic link, and a file through it': {
    plugin: () => ({
      entries: [
        { path: 'package/out', type: 'SymbolicLink', linkpath: canary },
        { path: 'package/out/keep', text: 'other' },
      ],
    }),
    code: 'PACKAGE_REFUSED',
    says: /contains a link: package\/out/,
  },
  'a hard link to a file of the user, and new content for it': {
    plugin: () => ({
      entries: [
        { path: 'package/keep', type: 'Link', linkpath: `${canary}/keep` },
        { path: 'package/keep', text: 'other' },
      ],
    }),
    code: 'PACKAGE_REFUSED',
    says: /contains a link: package\/keep/,
  },
  'a named pipe that is never written to': {
    plugin: () => ({ entries: [{ path: 'package/server.js.pipe', type: 'FIFO' }] }),
    code: 'PACKAGE_REFUSED',
    says: /contains a FIFO/,
  },
  'ten gigabytes of zeros': {
    plugin: () => ({
      packed: (options) => {
        const entries = [{ path: 'package/zeros', size: 10 * 1024 ** 3 }];
        const head = gunzipSync(packPlugin({ ...options, entries })).subarray(0, -1024);
        const zeros = gzipSync(Buffer.alloc(64 * 1024 ** 2));
        return Buffer.concat([
          gzipSync(head),
          ...Array.from({ length: 160 }, () => zeros),
          gzipSync(Buffer.alloc(1024)),
        ]);
      },
    }),
    code: 'PACKAGE_REFUSED',
    says: /unpacks to more than/,
  },
  'far too many files': {
    plugin: () => ({ entries: Array.from({ length: 50_000 }, (_, index) => ({ path: `package/many/${index}` })) }),
    code: 'PACKAGE_REFUSED',
    says: /more than 50000 entries/,
  },
  'two files that differ only in case': {
    plugin: () => ({ entries: [{ path: 'package/Index.js', text: 'evil' }] }),
    code: 'PACKAGE_REFUSED',
    says: /package\/index\.js and package\/Index\.js/,
  },
  'content that cannot be unpacked': {
    plugin: () => ({ packed: () => Buffer.from('<html>welcome</html>') }),
    code: 'PACKAGE_REFUSED',
    says: /cannot be unpacked/,
  },
  'a folder of the user as its dependency': {
    plugin: () => ({ more: { dependencies: { canary: `file:${canary}` } } }),
    code: 'PACKAGE_REFUSED',
    says: /needs canary from "file:.*which is not a registry/,
  },
  'a future API version': {
    plugin: () => ({ api: 2 }),
    code: 'PLUGIN_API_VERSION',
    says: /written for API version 2, but this rbee supports 1/,
  },
  'a manifest that does not match its code': {
    plugin: () => {
      const files = pluginFiles({ name, version: version() });
      return { manifest: files['package.json']?.replace('"variants":["cpu"]', '"variants":["cpu","cuda"]') };
    },
    code: 'PLUGIN_INVALID',
    says: /its manifest lists the variants cpu, cuda, but its code cpu/,
  },
  'another package inside': {
    plugin: () => ({ packed: () => packPlugin({ name: '@rbee/worker-other', type: 'other' }) }),
    code: 'PACKAGE_REFUSED',
    says: /its package.json says @rbee\/worker-other@1\.0\.0/,
  },
  'a type whose name is a path': {
    plugin: () => ({ type: '../../x' }),
    code: 'PLUGIN_INVALID',
    says: /worker type "\.\.\/\.\.\/x": a name may only have/,
  },
  'an entry outside the package': {
    plugin: () => ({ manifest: manifestWith({ echo: { ...entry, entry: `../../../..${canary}/keep` } }) }),
    code: 'PLUGIN_INVALID',
    says: /its entry is outside the package/,
  },
  'a prototype as its type': {
    plugin: () => ({
      manifest: manifestWith({}).replace('"workerTypes":{}', `"workerTypes":{"__proto__":${JSON.stringify(entry)}}`),
    }),
    code: 'PLUGIN_INVALID',
    says: /worker type "__proto__"/,
  },
  'a constructor as its type': {
    plugin: () => ({ manifest: manifestWith({ constructor: { ...entry, prototype: { polluted: true } } }) }),
    code: 'PLUGIN_INVALID',
    says: /worker type "constructor"/,
  },
  'the type of another plugin': {
    plugin: () => ({ type: 'other' }),
    code: 'PLUGIN_CONFLICT',
    says: /both @rbee\/worker-other and @rbee\/worker-echo provide the worker type other/,
  },
  'code that writes a file': {
    plugin: () => ({ code: `(await import('node:fs')).writeFileSync('${canary}/evil', '');` }),
    code: 'PLUGIN_FAILED',
    says: /restricted/,
  },
  'code that writes a database': {
    plugin: () => ({
      code: `new (await import('node:sqlite')).DatabaseSync('${canary}/evil').exec('create table evil (a)');`,
    }),
    code: 'PLUGIN_FAILED',
    says: /No such built-in module/,
  },
  'code that reads a foreign file': {
    plugin: () => ({ code: `(await import('node:fs')).readFileSync('${home.paths.rbeeConf}');` }),
    code: 'PLUGIN_FAILED',
    says: /restricted/,
  },
  'code that starts a program': {
    plugin: () => ({ code: `(await import('node:child_process')).execSync('touch ${canary}/evil');` }),
    code: 'PLUGIN_FAILED',
    says: /restricted/,
  },
  'code that opens a port': {
    plugin: () => ({ code: `(await import('node:net')).createServer().listen(0);` }),
    code: 'PLUGIN_FAILED',
    says: /restricted|ERR_ACCESS_DENIED/,
  },
  'code that talks to the queen': {
    plugin: () => ({
      code: `const { connect } = await import('node:net');
        await new Promise((done, fail) => connect('${home.paths.queenSocket}', done).on('error', fail));`,
    }),
    code: 'PLUGIN_FAILED',
    says: /restricted|ERR_ACCESS_DENIED/,
  },
  'code that ends the queen': {
    plugin: () => ({ code: `process.kill(process.ppid, 'SIGKILL');` }),
    code: 'PLUGIN_FAILED',
    says: /restricted/,
  },
  'code that answers nonsense': {
    plugin: () => ({ code: `(await import('node:fs')).writeSync(3, 'null\\n');` }),
    code: 'PLUGIN_FAILED',
    says: /it sent an unexpected answer/,
  },
  'code that throws': {
    plugin: () => ({ code: `throw new Error('no mood');` }),
    code: 'PLUGIN_FAILED',
    says: /no mood/,
  },
  'code that exits': {
    plugin: () => ({ code: 'process.exit(7);' }),
    code: 'PLUGIN_FAILED',
    says: /exited with code 7/,
  },
  'code that never ends': { plugin: () => ({ code: 'for (;;);' }), code: 'PLUGIN_FAILED', says: /no answer within/ },
};

const version = () => `2.0.${count}`;
const entry = { entry: './index.js', serves: ['/v1/echo'], variants: ['cpu'] };
const manifestWith = (workerTypes: object): string =>
  JSON.stringify({ name, version: version(), type: 'module', rbee: { api: 1, workerTypes } });

for (const [what, { plugin, code, says }] of sampleOf(Object.entries(harms), 6)) {
  test(`a package with ${what} is refused by name, and nothing changes`, async () => {
    count += 1;
    const { packed, ...options } = { version: version(), ...plugin?.() };
    await publish({ ...options, ...(packed && { packed: packed(options) }) });
    const before = [homeNow(), listing(canary)];
    const { code: exit, stdout } = await home.rbee(['plugins', 'install', `${name}@${version()}`, '--yes', '--json']);
    assert.equal(exit, 1, stdout);
    const { error } = JSON.parse(stdout);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, says);
    assert.match(error.message, /@rbee\/worker-echo/);
    assert.doesNotMatch(error.message, /\.staging/, 'no internal folder');
    assert.ok(error.hint.length > 0, 'it says what to try');
    assert.deepEqual([homeNow(), listing(canary)], before);
    assert.deepEqual([await versionOf('echo'), await versionOf('other')], ['1.0.0', '1.0.0']);
  });
}

test('a tarball is checked as strictly as a package from a registry', async () => {
  const before = [homeNow(), listing(canary)];
  const tarballs: [string, Buffer, RegExp][] = [
    ['outside', packPlugin({ entries: [{ path: '../../../evil', text: 'x' }] }), /is outside/],
    [
      'links',
      packPlugin({ entries: [{ path: 'package/x', type: 'SymbolicLink', linkpath: canary }] }),
      /contains a link/,
    ],
    ['nameless', packEntries([{ path: 'package/package.json', text: '{}' }]), /no name and version/],
    ['twice', gzipSync(packPlugin()), /compressed twice/],
  ];
  for (const [word, packed, says] of tarballs) {
    const file = join(registry.folder, `${word}.tgz`);
    writeFileSync(file, packed);
    const { code, stderr } = await home.rbee(['plugins', 'install', file, '--yes']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, says);
    assert.ok(stderr.includes(file), stderr);
    assert.match(stderr, /nothing was installed; report this to its author, or use another version/);
  }
  assert.deepEqual([homeNow(), listing(canary)], before);
});

test("the registry's descriptions of all these packages are shown harmlessly", async () => {
  const found = await home.json(['plugins', 'search']);
  assert.ok(found.plugins.some((hit: { name: string }) => hit.name === '@rbee/worker-other'));
  const details = await home.json(['plugins', 'inspect', `${name}@${version()}`]);
  assert.equal(details.version, version());
});

test('after all this, both types still run in their earlier version', async () => {
  for (const type of ['echo', 'other']) {
    await spawn(type, `${type}-again`);
    assert.equal(await versionOf(`${type}-again`), '1.0.0');
  }
  assert.equal((await home.json(['status'])).queen.pid, queen.pid, 'the queen is still the same process');
});

test('scripts, special permission bits and odd fields of a trusted package have no effect', async () => {
  const outside = listing(canary);
  const touch = `touch ${canary}/evil`;
  const scripts = { preinstall: touch, install: touch, postinstall: touch, prepare: touch, prepublish: touch };
  const manifest = JSON.parse(pluginFiles({ name, version: '3.0.0', more: { scripts } })['package.json'] ?? '');
  manifest.constructor = { prototype: { polluted: true } };
  const packed = packPlugin({
    name,
    version: '3.0.0',
    manifest: JSON.stringify(manifest).replace('{', '{"__proto__":{"polluted":true},'),
    entries: [
      { path: 'package/binding.gyp', text: '{}' },
      { path: 'package/tool', text: '#!/bin/sh', mode: 0o6777 },
    ],
  });
  await publish({ version: '3.0.0', packed });
  const { root, version: now } = await home.json(['plugins', 'install', `${name}@3.0.0`]);
  assert.equal(now, '3.0.0');
  assert.equal(statSync(join(root, 'tool')).mode & 0o7022, 0, 'other users cannot write it, and it is not setuid');
  await spawn('echo', 'harmless');
  assert.equal(await versionOf('harmless'), '3.0.0');
  assert.equal(await versionOf('echo'), '1.0.0');
  assert.deepEqual(listing(canary), outside);
});
