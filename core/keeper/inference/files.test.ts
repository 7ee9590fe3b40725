import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { expectWritable, fileToSend, maxFileBytes, numbered, writeOutput } from './files.ts';

test('a file is replaced and keeps its mode, and a link is followed', async (t) => {
  const folder = await tempFolder(t);
  const [file, link] = [join(folder, 'private.txt'), join(folder, 'link')];
  await writeFile(file, 'old');
  await chmod(file, 0o600);
  await symlink(file, link);
  await writeOutput(link, 'new');
  assert.equal(await readFile(file, 'utf8'), 'new');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.deepEqual((await readdir(folder)).sort(), ['link', 'private.txt']);
});

test('a pipe is written to, and stays a pipe', async (t) => {
  const pipe = join(await tempFolder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [heard] = await Promise.all([text(reader.stdout), writeOutput(pipe, 'said')]);
  assert.equal(heard, 'said');
  assert.ok((await lstat(pipe)).isFIFO());
});

test('a file that is too large to send is refused before it is read', async (t) => {
  const file = join(await tempFolder(t), 'long.wav');
  await writeFile(file, 'RIFF');
  await truncate(file, maxFileBytes + 1);
  await assert.rejects(fileToSend(file), { code: 'FILE_TOO_LARGE', message: /long\.wav is larger than 1023 MiB/ });
  await truncate(file, maxFileBytes);
  assert.equal((await fileToSend(file)).size, maxFileBytes);
});

test('an unwritable file is reported in advance', async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'sub'));
  for (const path of ['', join(folder, 'sub'), join(folder, 'none/a.txt'), join(folder, 'x'.repeat(300))])
    await assert.rejects(expectWritable(path), { code: 'FILE_UNWRITABLE' }, path);
  await expectWritable(join(folder, 'x'.repeat(250)));
  await writeOutput(join(folder, 'x'.repeat(250)), 'fits');
});

test('each of several files gets a number', () => {
  assert.deepEqual(
    [numbered('a.png', 0, 1), numbered('a.png', 1, 3), numbered('a', 0, 2)],
    ['a.png', 'a-2.png', 'a-1'],
  );
});
