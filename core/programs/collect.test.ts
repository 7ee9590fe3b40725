import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import { withLock } from '../lifecycle/fs/instance-lock.ts';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { collectPrograms } from './collect.ts';
import type { BinaryContext } from './context.ts';
import { downloadCache } from './download-cache.ts';
import { type ProgramsInUse, programsOf } from './in-use.ts';
import { ensureBinary } from './installer.ts';
import { fileServer, sha256Of } from './testing-server.ts';

const program = (word: string): Buffer => Buffer.from(`#!/bin/sh\necho ${word}\n`);

interface Setting {
  context: BinaryContext;
  /** A source of a program that consists of one file. */
  source: (word: string) => BinarySource;
  /** All files and folders of the store and the downloads. */
  there: () => Promise<string[]>;
}

const setting = async (t: TestContext): Promise<Setting> => {
  const home = await tempFolder(t);
  const server = await fileServer(t);
  const context: BinaryContext = {
    plugin: { package: '@test/plugin', root: home, version: '1.2.3' },
    folders: { data: join(home, 'data'), cache: join(home, 'cache') },
    env: { PATH: process.env['PATH'], HOME: home },
    narrate: () => {},
    signal: new AbortController().signal,
    fetcher: downloadCache({}),
  };
  const source = (word: string): BinarySource => {
    const data = program(word);
    server.files.set(`/${word}`, { data });
    const url = `${server.url}/${word}`;
    return { kind: 'archive', id: word, url, sha256: sha256Of(data), member: word, format: 'file' };
  };
  const list = (folder: string) => readdir(folder).catch(() => []);
  const there = async () => [
    ...(await list(join(home, 'data/binaries'))),
    ...(await list(join(home, 'cache/downloads'))),
  ];
  return { context, source, there };
};

const nothing: ProgramsInUse = { keys: new Set(), downloads: new Set() };

test('an unused program is removed with its download and lock, and a dry run reports it first', async (t) => {
  const { context, source, there } = await setting(t);
  await ensureBinary(source('one'), context);
  const before = await there();
  const planned = await collectPrograms(context.folders, { ...nothing, paths: [] }, { dryRun: true });
  assert.deepEqual(await there(), before);
  assert.match(planned.programs.join(), /^one-[0-9a-f]{16}$/);
  assert.deepEqual(planned.downloads, [sha256Of(program('one'))]);
  assert.ok(planned.bytes >= 2 * program('one').length, 'the program and its download');
  assert.deepEqual(await collectPrograms(context.folders, { ...nothing, paths: [] }), planned);
  assert.deepEqual(await there(), []);
  await ensureBinary(source('one'), context);
});

test('a program that a plugin needs is kept, with its downloads and the results of its steps', async (t) => {
  const { context, source } = await setting(t);
  const steps = [{ kind: 'run', args: ['$binary'] }] as const;
  const prepared = (word: string): BinarySource => ({ ...source(word), prepare: steps });
  for (const word of ['one', 'two']) await ensureBinary(prepared(word), context);
  const used = await programsOf([prepared('one')], context);
  assert.equal(used.keys.size, 2, 'the program and what was prepared for it');
  const { programs, downloads } = await collectPrograms(context.folders, { ...used, paths: [] });
  assert.deepEqual(programs.map((name) => name.replace(/-[0-9a-f]{16}$/, '')).sort(), ['prepared-two', 'two']);
  assert.deepEqual(downloads, [sha256Of(program('two'))]);
  const { bytes } = await collectPrograms(context.folders, { ...used, paths: [] });
  assert.equal(bytes, 0);
});

test('the result of steps for a worker is kept even if no plugin needs it', async (t) => {
  const { context, source } = await setting(t);
  const prepare = [{ kind: 'run', args: ['$binary'] }] as const;
  const { environment = '' } = await ensureBinary({ ...source('one'), prepare }, context);
  const { programs } = await collectPrograms(context.folders, { ...nothing, paths: [environment] });
  assert.deepEqual(
    programs.map((name) => name.replace(/-[0-9a-f]{16}$/, '')),
    ['one'],
  );
});

test('a program that a worker runs is kept with its download even if no plugin needs it', async (t) => {
  const { context, source } = await setting(t);
  const { path = '' } = await ensureBinary(source('one'), context);
  const { programs, downloads } = await collectPrograms(context.folders, { ...nothing, paths: [path] });
  assert.deepEqual([programs, downloads], [[], []]);
});

test('running installations and downloads are kept; leftovers of killed ones are removed', async (t) => {
  const { context, source, there } = await setting(t);
  const { path = '' } = await ensureBinary(source('one'), context);
  const store = dirname(dirname(path));
  const key = 'two-0123456789abcdef';
  const sum = 'a'.repeat(64);
  const downloads = join(context.folders.cache, 'downloads');
  await mkdir(join(store, `${key}.01234567`), { recursive: true });
  await writeFile(join(store, `${key}.01234567`, 'half'), 'x'.repeat(100));
  await writeFile(join(downloads, `${sum}.part`), 'x'.repeat(10));
  const kept = { ...nothing, paths: [path] };
  const held = { timeoutMs: 1_000 };
  await withLock(
    join(store, `${key}.lock`),
    () => withLock(join(downloads, `${sum}.lock`), () => collectPrograms(context.folders, kept), held),
    held,
  );
  assert.ok((await there()).includes(`${key}.01234567`) && (await there()).includes(`${sum}.part`));
  const collected = await collectPrograms(context.folders, kept);
  assert.deepEqual(collected, { programs: [key], downloads: [sum], bytes: 110 });
  assert.ok(!(await there()).some((name) => name.startsWith(key) || name.startsWith(sum)));
});

test('other files are not touched', async (t) => {
  const { context, there } = await setting(t);
  const store = join(context.folders.data, 'binaries');
  await mkdir(join(store, 'my-own-things'), { recursive: true });
  await writeFile(join(store, 'notes.json'), '{}');
  await collectPrograms(context.folders, { ...nothing, paths: [] });
  assert.deepEqual(await there(), ['my-own-things', 'notes.json']);
});
