import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { unpackBundle } from '../archives/unpack-bundle.ts';
import { pathsFrom } from '../config/paths.ts';
import { packageRoot, rbeeVersion } from '../config/version.ts';
import type { HealthBody, HiveDevices } from '../contract/api/hive-api.ts';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { DeviceFacts } from '../contract/worker-type/worker-type.ts';
import { eventually, tempFolder, undoAfter } from '../lifecycle/process/testing.ts';
import { bundleApp } from './app.ts';
import { type CollectOptions, collectPackages, type PackageNeeds } from './collect-packages.ts';
import { isRunWith, packageFiles } from './package-files.ts';

const here = { os: 'linux', cpu: 'x64', libc: 'glibc' };

const files = async (folder: string, texts: Record<string, object | string>): Promise<string> => {
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), typeof text === 'string' ? text : JSON.stringify(text));
  }
  return folder;
};

const collected = async (root: string, needs: Partial<PackageNeeds>, options: Partial<CollectOptions> = {}) => {
  const all = { dependencies: {}, optionalDependencies: {}, ...needs };
  const packages = await collectPackages(root, all, { target: here, here, ...options });
  return Object.fromEntries(packages.map(({ place, version }) => [place, version]));
};

test('packages are resolved like Node does, and nested only where versions differ', async (t) => {
  const root = await files(await tempFolder(t), {
    'node_modules/a/package.json': { version: '1.0.0', dependencies: { b: '2', c: '1' } },
    'node_modules/a/node_modules/b/package.json': { version: '2.0.0', dependencies: { c: '1', d: '1' } },
    'node_modules/b/package.json': { version: '1.0.0', dependencies: { c: '1' } },
    'node_modules/c/package.json': { version: '1.0.0', dependencies: { a: '1' } },
    'node_modules/d/package.json': { version: '1.0.0', devDependencies: { e: '1' }, peerDependencies: { e: '1' } },
    'node_modules/e/package.json': { version: '1.0.0' },
    'app/package.json': { version: '0.0.0' },
  });
  assert.deepEqual(await collected(join(root, 'app'), { dependencies: { a: '1', b: '1' } }), {
    'node_modules/a': '1.0.0',
    'node_modules/a/node_modules/b': '2.0.0',
    'node_modules/b': '1.0.0',
    'node_modules/c': '1.0.0',
    'node_modules/d': '1.0.0',
  });
});

test('a package moves up if no other package has its name there', async (t) => {
  const root = await files(await tempFolder(t), {
    'node_modules/a/package.json': { version: '1.0.0', dependencies: { b: '2' } },
    'node_modules/a/node_modules/b/package.json': { version: '2.0.0' },
    'node_modules/b/package.json': { version: '1.0.0' },
  });
  assert.deepEqual(await collected(root, { dependencies: { a: '1' } }), {
    'node_modules/a': '1.0.0',
    'node_modules/b': '2.0.0',
  });
});

test('a workspace link is followed, and its packages are resolved from there', async (t) => {
  const root = await files(await tempFolder(t), {
    'packages/x/package.json': { name: 'x', version: '3.0.0', dependencies: { y: '1' } },
    'packages/x/node_modules/y/package.json': { version: '1.1.0' },
    'node_modules/y/package.json': { version: '2.0.0' },
  });
  await symlink('../packages/x', join(root, 'node_modules/x'));
  const packages = await collectPackages(
    root,
    { dependencies: { x: '*', y: '*' }, optionalDependencies: {} },
    { target: here, here },
  );
  assert.deepEqual(
    packages.map(({ place, version, isLinked }) => [place, version, isLinked]),
    [
      ['node_modules/x', '3.0.0', true],
      ['node_modules/x/node_modules/y', '1.1.0', false],
      ['node_modules/y', '2.0.0', false],
    ],
  );
});

test('a link is followed only if it leads to the requested package', async (t) => {
  const root = await files(await tempFolder(t), {
    'empty/package.json': { name: 'empty', version: '1.0.0' },
  });
  await mkdir(join(root, 'node_modules'));
  await symlink('../empty', join(root, 'node_modules/x'));
  assert.deepEqual(await collected(root, { optionalDependencies: { x: '*' } }), {});
  await assert.rejects(collected(root, { dependencies: { x: '*' } }), {
    code: 'PACKAGE_REFUSED',
    message: /link to .*\/empty, which is not a package of that name/,
  });
});

test('only packages for this platform are packed, and missing ones are named', async (t) => {
  const root = await files(await tempFolder(t), {
    'node_modules/tool/package.json': {
      version: '1.0.0',
      optionalDependencies: { 'tool-linux': '1', 'tool-mac': '1', 'tool-musl': '1', 'tool-gone': '1' },
    },
    'node_modules/tool-linux/package.json': { version: '1.0.0', os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    'node_modules/tool-mac/package.json': { version: '1.0.0', os: ['!linux'] },
    'node_modules/tool-musl/package.json': { version: '1.0.0', libc: 'musl' },
    'node_modules/plain/package.json': { version: '1.0.0' },
  });
  const needs = { dependencies: { tool: '1' } };
  assert.deepEqual(await collected(root, needs), { 'node_modules/tool': '1.0.0', 'node_modules/tool-linux': '1.0.0' });
  const without = { leaveOut: ['tool-linux'] };
  assert.deepEqual(await collected(root, needs, without), { 'node_modules/tool': '1.0.0' });
  const target = { ...here, cpu: 'arm64' };
  await assert.rejects(collected(root, needs, { target }), {
    code: 'PACKAGE_INCOMPATIBLE',
    message: /linux-arm64-glibc/,
  });
  assert.deepEqual(await collected(root, { dependencies: { plain: '1' } }, { target }), {
    'node_modules/plain': '1.0.0',
  });
  await assert.rejects(collected(root, { dependencies: { absent: '1' } }), { code: 'PACKAGE_MISSING' });
});

test('a package is packed with its runtime files and licence, but no link out of it', async (t) => {
  const root = await files(await tempFolder(t), {
    'package.json': '{}',
    'LICENSE.md': 'MIT',
    'README.md': 'read me',
    'lib/index.js': '',
    'lib/index.js.map': '',
    'lib/index.d.ts': '',
    'lib/test/needed.js': '',
    'test/index.js': '',
    '.github/workflow.yml': '',
    'node_modules/inner/package.json': '{}',
  });
  await symlink('lib/index.js', join(root, 'main.js'));
  const names = async () =>
    (await packageFiles(root, { name: 'it', place: 'node_modules/it', wants: isRunWith }))
      .map(({ path }) => path)
      .sort();
  assert.deepEqual(await names(), [
    'node_modules/it/LICENSE.md',
    'node_modules/it/lib/index.js',
    'node_modules/it/lib/test/needed.js',
    'node_modules/it/main.js',
    'node_modules/it/package.json',
  ]);
  await symlink('../../etc/passwd', join(root, 'lib/out.js'));
  await assert.rejects(names(), { code: 'PACKAGE_REFUSED' });
});

const said: NarrationEvent[] = [];
const bundle = (cache: string) =>
  bundleApp({
    root: packageRoot(),
    cache,
    narrate: (event) => void said.push(event),
    signal: new AbortController().signal,
  });

/** The answer of a hive on its socket. */
const ask = async (socketPath: string, path: string): Promise<unknown> => {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  request({ socketPath, path }, (response) => json(response).then(resolve, reject))
    .on('error', reject)
    .end();
  return promise;
};

/** Starts a hive from an unpacked bundle as a remote machine would: using only Node. */
const startHive = async (
  t: TestContext,
  script: string,
): Promise<{ version: string; devices: readonly DeviceFacts[] }> => {
  const home = await realpath(await tempFolder(t));
  const env = { RBEE_HOME: home, HOME: home, PATH: '/usr/bin:/bin' };
  const hive = spawn(process.execPath, [script], { cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(hive, 'exit');
  undoAfter(t, async () => {
    hive.kill('SIGTERM');
    await exited;
  });
  const { hiveSocket } = pathsFrom(env);
  const { version } = (await eventually(() => ask(hiveSocket, '/health').catch(() => null), 'the hive')) as HealthBody;
  const { devices } = (await ask(hiveSocket, '/v1/devices')) as HiveDevices;
  return { version, devices };
};

/** The same cache under another path. */
const movedCache = async (t: TestContext, cache: string): Promise<string> => {
  const link = join(await tempFolder(t), 'link');
  await symlink(cache, link);
  return link;
};

test('rbee is packed once for all machines, is small, and runs as a hive on its own', async (t) => {
  const cache = await tempFolder(t);
  const first = await bundle(cache);
  assert.equal(first.version, rbeeVersion());
  assert.match(first.id, new RegExp(`^${first.version}-[0-9a-f]{8}$`));
  assert.ok(first.size < 3e6, `${first.size} bytes`);
  said.length = 0;
  assert.deepEqual(await bundle(cache), first);
  const moved = await movedCache(t, cache);
  assert.equal((await bundle(moved)).file, first.file.replace(cache, moved));
  assert.deepEqual(said, [], 'nothing was packed again');
  assert.equal((await bundle(await tempFolder(t))).sha256, first.sha256);
  const folder = join(await tempFolder(t), first.id);
  await unpackBundle(first.file, { sha256: first.sha256, folder, signal: new AbortController().signal });
  const names = await readdir(folder, { recursive: true });
  assert.ok(!names.includes('node_modules'), 'it is whole without packages');
  assert.ok(names.length < 100, `${names.length} files and folders, each of which a slow disk is waited for`);
  const hive = await startHive(t, join(folder, first.entry));
  assert.equal(hive.version, first.version);
  assert.ok(hive.devices.some(({ id }) => id === 'cpu'));
});

test('a changed file gives a new bundle, a touched one does not', async (t) => {
  const root = await files(await tempFolder(t), {
    'package.json': { name: '@rbee/core', version: '9.9.9', license: 'MIT', dependencies: {} },
    'dist/hive/parts.json': { files: ['hive/daemon.js'], packages: [] },
    'dist/hive/daemon.js': 'console.log(1)',
  });
  const cache = await tempFolder(t);
  const make = () => bundleApp({ root, cache, narrate: () => {}, signal: new AbortController().signal });
  const first = await make();
  await utimes(join(root, 'dist/hive/daemon.js'), 1, 1);
  assert.deepEqual(await make(), first);
  await writeFile(join(root, 'dist/hive/daemon.js'), 'console.log(2)');
  const second = await make();
  assert.notEqual(second.id, first.id);
  assert.ok((await readFile(first.file)).length > 0, 'the old one may be on its way to a machine');
  const longAgo = Date.now() / 1000 - 60 * 24 * 3600;
  await utimes(first.file, longAgo, longAgo);
  await utimes(second.file, longAgo, longAgo);
  assert.deepEqual(await make(), second);
  await writeFile(join(root, 'dist/hive/daemon.js'), 'console.log(3)');
  await make();
  const archives = (await readdir(join(cache, 'bundles'))).filter((name) => name.endsWith('.zst'));
  assert.ok(!archives.includes(basename(first.file)), 'it was not used for a long time');
  assert.ok(archives.includes(basename(second.file)), 'it was used a moment ago');
  await writeFile(join(root, 'dist/hive/daemon.js'), 'console.log(2)');
  await rm(second.file);
  assert.deepEqual(await make(), second);
  await rm(join(root, 'dist/hive/parts.json'));
  await assert.rejects(make(), { code: 'APP_INCOMPLETE' });
});
