import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readSmallBytes, readSmallFile, readSmallFileSync } from './small-file.ts';

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'rbee-small-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const refusedBoth = async (path: string, error: { code: string; message?: RegExp }, maxBytes?: number) => {
  const options = maxBytes === undefined ? {} : { maxBytes };
  await assert.rejects(readSmallFile(path, options), error);
  assert.throws(() => readSmallFileSync(path, options), error);
};

test('a file is read completely, through links, even when empty', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'file');
  for (const text of ['', 'ümlaut\n', 'x'.repeat(300_000)]) {
    writeFileSync(file, text);
    assert.equal(await readSmallFile(file), text);
    assert.equal(readSmallFileSync(file), text);
  }
  symlinkSync(file, join(folder, 'link'));
  assert.equal((await readSmallBytes(join(folder, 'link'))).length, 300_000);
});

// A pipe without a writer used to be read forever, so the command hung.
test('a pipe, a device and a folder are refused at once', async (t) => {
  const folder = folderOf(t);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await refusedBoth(pipe, { code: 'ENOTREG', message: /not a regular file/ });
  await refusedBoth('/dev/zero', { code: 'ENOTREG' });
  mkdirSync(join(folder, 'folder'));
  await refusedBoth(join(folder, 'folder'), { code: 'EISDIR' });
  await refusedBoth(join(folder, 'none'), { code: 'ENOENT' });
});

test('a file up to the limit is read, and one byte more is refused', async (t) => {
  const file = join(folderOf(t), 'file');
  writeFileSync(file, '12345');
  assert.equal(await readSmallFile(file, { maxBytes: 5 }), '12345');
  assert.equal(readSmallFileSync(file, { maxBytes: 5 }), '12345');
  await refusedBoth(file, { code: 'EFBIG', message: /larger than 4 bytes/ }, 4);
  writeFileSync(file, Buffer.alloc(2 ** 20 + 1));
  await refusedBoth(file, { code: 'EFBIG', message: /larger than 1 MiB/ });
});

test('the open file can be refused before it is read', async (t) => {
  const file = join(folderOf(t), 'file');
  writeFileSync(file, 'x', { mode: 0o644 });
  const onOpen = () => {
    throw new Error('too open');
  };
  await assert.rejects(readSmallFile(file, { onOpen }), /too open/);
  assert.throws(() => readSmallFileSync(file, { onOpen }), /too open/);
});
