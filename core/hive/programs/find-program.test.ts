import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { BinarySource } from '../../contract/worker-type/worker-type.ts';
import type { BinaryContext } from '../../programs/context.ts';
import { downloadCache } from '../../programs/download-cache.ts';
import { findProgram, installProgram, type ProgramSearch } from './find-program.ts';

let folder: string;
before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-binary-')));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/engine'), '#!/bin/sh\n');
  await chmod(join(folder, 'bin/engine'), 0o755);
  await writeFile(join(folder, 'bin/plain'), 'text');
  await writeFile(join(folder, 'server.js'), '');
  await writeFile(join(folder, 'package.json'), '{"name":"plugin"}');
  for (const [name, called] of [
    ['present', 'present'],
    ['replaced', 'another'],
  ] as const) {
    await mkdir(join(folder, 'node_modules', name), { recursive: true });
    await writeFile(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ name: called }));
  }
});
after(() => rm(folder, { recursive: true, force: true }));

const engine: BinarySource = { kind: 'path', id: 'engine', program: 'engine', variable: 'ENGINE' };
const builtin: BinarySource = { kind: 'module', id: 'builtin', script: 'server.js' };
const narrated: string[] = [];
const contextOf = (env: NodeJS.ProcessEnv = {}): BinaryContext => ({
  plugin: { package: '@test/plugin', root: folder, version: '1.0.0' },
  folders: { data: join(folder, 'data'), cache: join(folder, 'cache') },
  env,
  narrate: (event) => 'text' in event && event.text !== undefined && narrated.push(event.text),
  signal: new AbortController().signal,
  fetcher: downloadCache({}, { idleTimeoutMs: 5_000, maxAttempts: 1, backoffMs: 1 }),
});
const find = (sources: readonly BinarySource[], env: NodeJS.ProcessEnv = {}) => findProgram(sources, contextOf(env));
const there = (search: ProgramSearch) => {
  assert.equal(search.state, 'there');
  return search.state === 'there' ? search.binary : assert.fail();
};
const lacking = (search: ProgramSearch) => {
  assert.equal(search.state, 'lacking');
  return search.state === 'lacking' ? search.sources : assert.fail();
};
const tried = (search: ProgramSearch) => (search.state === 'none' ? search.tried : assert.fail(search.state));

test('the first source that is present is used', async () => {
  const onPath = await find([engine, builtin], { PATH: join(folder, 'bin') });
  assert.deepEqual(there(onPath).argv, [join(folder, 'bin/engine')]);
  const absent = await find([engine, builtin], { PATH: '/nowhere' });
  assert.deepEqual(there(absent).argv, [process.execPath, join(folder, 'server.js')]);
});

test('a program named by a variable takes precedence over the PATH, and a wrong name is an error', async () => {
  const named = await find([engine], { ENGINE: join(folder, 'bin/engine') });
  assert.equal(there(named).path, join(folder, 'bin/engine'));
  // With another source available, a misspelt variable was silently ignored, and another engine ran.
  const wrong = { 'bin/plain': 'is not executable', 'no/such': 'does not exist', bin: 'is not a file' };
  for (const [path, problem] of Object.entries(wrong)) {
    const env = { ENGINE: join(folder, path), PATH: join(folder, 'bin') };
    await assert.rejects(find([engine, builtin], env), {
      code: 'PROGRAM_PATH_INVALID',
      message: `the variable ENGINE is set to ${join(folder, path)}, which ${problem}`,
    });
  }
  await assert.rejects(find([engine, builtin], { ENGINE: 'bin/engine' }), /bin\/engine, which is not an absolute path/);
  assert.equal(there(await find([builtin, engine], { ENGINE: '/no/such' })).id, 'builtin');
});

test('folders of the PATH that are not absolute are never looked at', async () => {
  assert.equal((await find([engine], { PATH: `:.:bin` })).state, 'none');
});

test('a module whose platform package is missing or a placeholder counts as missing', async () => {
  assert.ok(there(await find([{ ...builtin, requires: ['present'] }])));
  for (const name of ['absent', 'replaced']) {
    const search = await find([{ ...builtin, requires: [name] }]);
    assert.deepEqual(tried(search), [`builtin: the package ${name} is not installed`]);
  }
});

test('everything that was tried is reported', async () => {
  const search = await find([engine, { kind: 'module', id: 'other', script: 'gone.js' }], { PATH: '' });
  assert.deepEqual(tried(search), [
    'engine: engine is not on the PATH of the hive, and ENGINE is not set',
    'other: gone.js is missing from the plugin',
  ]);
});

/** A program to download, from a server that a test brings. */
const release = (url: string, text: string): BinarySource => ({
  kind: 'archive',
  id: `release-${text.length}`,
  url,
  sha256: createHash('sha256').update(text).digest('hex'),
  format: 'file',
  member: 'engine',
});

const serve = async (t: TestContext, text: string): Promise<{ url: string; requests: () => number }> => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests++;
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/engine`, requests: () => requests };
};

test('present programs come before installable ones, whatever the plugin prefers', async (t) => {
  const { url, requests } = await serve(t, 'one');
  const search = await find([release(url, 'one'), engine], { PATH: join(folder, 'bin') });
  assert.equal(there(search).id, 'engine');
  assert.equal(requests(), 0);
});

test('a missing program is named without fetching anything', async (t) => {
  const { url, requests } = await serve(t, 'three');
  const sources = lacking(await find([engine, release(url, 'three')]));
  assert.deepEqual(
    sources.map(({ id }) => id),
    ['release-5'],
  );
  assert.equal(requests(), 0);
});

test('programs are installed in the order of preference, and found afterwards', async (t) => {
  const good = await serve(t, 'two!');
  const bad = await serve(t, 'not what was promised');
  const sources = [engine, release(bad.url, 'three'), release(good.url, 'two!')];
  const binary = await installProgram(lacking(await find(sources)), contextOf());
  assert.equal(binary.id, 'release-4');
  assert.ok(narrated.some((text) => /has the wrong checksum.*: trying release-4 instead/.test(text)));
  assert.deepEqual(there(await find(sources)), binary);
  assert.equal(bad.requests(), 1);
});

test('a program whose preparation has not run counts as missing, and checking runs none', async () => {
  const made = join(folder, 'made');
  const prepare = [{ kind: 'run', args: ['/bin/sh', '-c', `echo > ${made}`] }] as const;
  const context = contextOf({ PATH: join(folder, 'bin') });
  const sources = lacking(await findProgram([{ ...engine, prepare }, builtin], context));
  assert.deepEqual(
    sources.map(({ id }) => id),
    ['engine'],
  );
  await assert.rejects(access(made));
  const binary = await installProgram(sources, context);
  assert.ok(binary.environment);
  await access(made);
  assert.deepEqual(there(await findProgram([{ ...engine, prepare }, builtin], context)), binary);
});

test('the error says why the preferred program could not be installed', async (t) => {
  const bad = await serve(t, 'something else');
  const sources = [release(bad.url, 'seven..'), release('http://127.0.0.1:1/engine', 'nine.....')];
  await assert.rejects(installProgram(sources, contextOf()), { code: 'CHECKSUM_MISMATCH' });
});
