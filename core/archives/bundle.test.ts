import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import type { RbeeError } from '../contract/errors.ts';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { type PackEntry, pack } from './pack.ts';
import { type RawEntry, rawTar } from './testing.ts';
import { unpackBundle } from './unpack-bundle.ts';

const signal = new AbortController().signal;
const deep = `${'long-folder-name/'.repeat(20)}file`;

/** A program, a text, a link, and a name that is too long for an old-style header. */
const entriesIn = async (folder: string): Promise<PackEntry[]> => {
  await writeFile(join(folder, 'run'), '#!/bin/sh\necho it runs\n', { mode: 0o755 });
  await writeFile(join(folder, 'library'), 'x'.repeat(100_000));
  return [
    { path: 'lib/library', kind: 'file', file: join(folder, 'library'), executable: false },
    { path: 'bin/run', kind: 'file', file: join(folder, 'run'), executable: true },
    { path: 'lib/same', kind: 'link', target: 'library' },
    { path: deep, kind: 'text', text: 'größer' },
    { path: 'empty', kind: 'text', text: '' },
  ];
};

const packed = async (t: TestContext) => {
  const folder = await tempFolder(t);
  return pack(await entriesIn(folder), { folder: join(folder, 'packed'), signal });
};

const archiveOf = async (t: TestContext, entries: readonly RawEntry[]) => {
  const bytes = zstdCompressSync(rawTar(entries));
  const file = join(await tempFolder(t), 'made.tar.zst');
  await writeFile(file, bytes);
  return { file, sha256: createHash('sha256').update(bytes).digest('hex') };
};

const refused = async (t: TestContext, { file, sha256 }: { file: string; sha256: string }): Promise<RbeeError> => {
  const parent = await tempFolder(t);
  const error = await unpackBundle(file, { sha256, folder: join(parent, 'tree'), signal }).then(
    () => assert.fail('it was unpacked'),
    (thrown) => thrown,
  );
  assert.deepEqual(
    (await readdir(parent)).filter((name) => name !== '.unpack.lock'),
    [],
  );
  return error;
};

test('the same files give the same archive, regardless of their times and order', async (t) => {
  const first = await packed(t);
  const folder = await tempFolder(t);
  const entries = await entriesIn(folder);
  await utimes(join(folder, 'library'), 1, 1);
  await chmod(join(folder, 'library'), 0o600);
  const second = await pack(entries.reverse(), { folder, signal });
  assert.deepEqual([second.sha256, second.contents, second.size], [first.sha256, first.contents, first.size]);
  assert.equal(
    createHash('sha256')
      .update(await readFile(second.file))
      .digest('hex'),
    second.sha256,
  );
  assert.equal((await stat(second.file)).size, second.size);
  await writeFile(join(folder, 'run'), '#!/bin/sh\necho it rung\n');
  assert.notEqual((await pack(entries, { folder, signal })).contents, first.contents);
});

test('unpacking restores what was packed, and does nothing the second time', async (t) => {
  const { file, sha256, size } = await packed(t);
  const folder = join(await tempFolder(t), 'versions', '1.0.0');
  const seen: number[] = [];
  const onProgress = (done: number, total: number) => seen.push(done / total);
  assert.equal(await unpackBundle(file, { sha256, folder, signal, onProgress }), true);
  assert.equal(await readFile(join(folder, deep), 'utf8'), 'größer');
  assert.equal((await stat(join(folder, 'bin/run'))).mode & 0o777, 0o755);
  assert.equal((await stat(join(folder, 'lib/library'))).mode & 0o777, 0o644);
  assert.equal(await readlink(join(folder, 'lib/same')), 'library');
  assert.ok(size > 0 && seen.at(-1) === 1);
  await writeFile(join(folder, 'empty'), 'mine');
  assert.equal(await unpackBundle(file, { sha256, folder, signal }), false);
  assert.equal(await readFile(join(folder, 'empty'), 'utf8'), 'mine');
});

test('two concurrent calls unpack once', async (t) => {
  const { file, sha256 } = await packed(t);
  const folder = join(await tempFolder(t), 'tree');
  const made = await Promise.all([1, 2, 3].map(() => unpackBundle(file, { sha256, folder, signal })));
  assert.deepEqual(made.sort(), [false, false, true]);
});

test('an archive with the wrong checksum, or a truncated one, leaves nothing behind', async (t) => {
  const { file, sha256, size } = await packed(t);
  const other = await refused(t, { file, sha256: '0'.repeat(64) });
  assert.equal(other.code, 'BUNDLE_CORRUPT');
  assert.match(other.message, new RegExp(`its SHA-256 is ${sha256}`));
  await truncate(file, size - 10);
  assert.equal((await refused(t, { file, sha256 })).code, 'BUNDLE_CORRUPT');
});

test('extra bytes after the end of an archive are detected', async (t) => {
  const { file, sha256 } = await packed(t);
  await writeFile(file, 'more', { flag: 'a' });
  assert.equal((await refused(t, { file, sha256 })).code, 'BUNDLE_CORRUPT');
});

test('nothing is written outside the folder, and no special mode bits are kept', async (t) => {
  const traps: RawEntry[][] = [
    [{ name: '../out', data: 'x' }],
    [{ name: '/tmp/rbee-out', data: 'x' }],
    [{ name: 'up', link: '..' }],
    [
      { name: 'up', link: '/tmp' },
      { name: 'up/out', data: 'x' },
    ],
    [{ name: 'device', type: '3' }],
  ];
  for (const entries of traps) {
    const error = await refused(t, await archiveOf(t, entries));
    assert.equal(error.code, 'BUNDLE_CORRUPT', JSON.stringify(entries));
  }
  const { file, sha256 } = await archiveOf(t, [{ name: 'root', data: 'x', mode: 0o6777 }]);
  const folder = join(await tempFolder(t), 'tree');
  await unpackBundle(file, { sha256, folder, signal });
  assert.equal((await lstat(join(folder, 'root'))).mode & 0o7777, 0o755);
});

test('a killed process leaves no partial folder, and the next one finishes', async (t) => {
  const parent = await tempFolder(t);
  const source = join(parent, 'source');
  await mkdir(source);
  const entries = await Promise.all(
    Array.from({ length: 400 }, async (_, index): Promise<PackEntry> => {
      const file = join(source, String(index));
      await writeFile(file, randomBytes(8_000));
      return { path: `tree/${index}`, kind: 'file', file, executable: false };
    }),
  );
  const { file, sha256 } = await pack(entries, { folder: parent, signal });
  const folder = join(parent, 'there', 'tree');
  const script = `const { unpackBundle } = await import(${JSON.stringify(join(import.meta.dirname, 'unpack-bundle.ts'))});
    await unpackBundle(${JSON.stringify(file)}, { sha256: '${sha256}', folder: ${JSON.stringify(folder)},
      signal: new AbortController().signal,
      onProgress: (done, total) => { if (done > total / 2) process.kill(process.pid, 'SIGKILL'); } });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  const names = async () => (await readdir(join(parent, 'there'))).filter((name) => name !== '.unpack.lock');
  assert.match((await names()).join(), /^\.unfinished-tree\.\w+$/);
  assert.equal(await unpackBundle(file, { sha256, folder, signal }), true);
  assert.deepEqual(await names(), ['tree']);
  assert.equal((await readdir(join(folder, 'tree'))).length, 400);
});
