import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BinarySource } from '../../contract/worker-type.ts';
import { findBinary } from './binary.ts';

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
const find = (sources: BinarySource[], env: NodeJS.ProcessEnv = {}) => findBinary(sources, folder, env);

test('the first source that is there is taken', async () => {
  const onPath = await find([engine, builtin], { PATH: join(folder, 'bin') });
  assert.deepEqual(onPath.found?.argv, [join(folder, 'bin/engine')]);
  const absent = await find([engine, builtin], { PATH: '/nowhere' });
  assert.deepEqual(absent.found?.argv, [process.execPath, join(folder, 'server.js')]);
});

test('a program that a variable names comes before the PATH, and a wrong one is not papered over', async () => {
  const named = await find([engine], { ENGINE: join(folder, 'bin/engine') });
  assert.equal(named.found?.path, join(folder, 'bin/engine'));
  const wrong = await find([engine], { ENGINE: join(folder, 'bin/plain'), PATH: join(folder, 'bin') });
  assert.equal(wrong.found, null);
  assert.match(wrong.tried.join(), /ENGINE names .*plain, which is not executable/);
});

test('folders of the PATH that are not absolute are never looked at', async () => {
  assert.equal((await find([engine], { PATH: `:.:bin` })).found, null);
});

test('a module whose platform package is missing, or replaced by a stand-in, is not there', async () => {
  assert.ok((await find([{ ...builtin, requires: ['present'] }])).found);
  for (const name of ['absent', 'replaced']) {
    const search = await find([{ ...builtin, requires: [name] }]);
    assert.deepEqual(search, { found: null, tried: [`builtin: the package ${name} is not installed`] });
  }
});

test('all that was tried is told', async () => {
  const search = await find([engine, { kind: 'module', id: 'other', script: 'gone.js' }], { PATH: '' });
  assert.equal(search.found, null);
  assert.deepEqual(search.tried, [
    'engine: engine is not on the PATH of the hive, and ENGINE is not set',
    'other: gone.js is missing from the plugin',
  ]);
});
