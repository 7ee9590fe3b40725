import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as tar from 'tar';
import type { RbeeError } from '../contract/errors.ts';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { defaultLimits } from './entry-rules.ts';
import { type RawEntry, rawTar, rawZip } from './testing.ts';
import { type UnpackOptions, unpackArchive } from './unpack.ts';

/** A small engine: a program, a library under three names, and a world-writable text file. */
const engineFolder = async (t: TestContext): Promise<string> => {
  const home = await tempFolder(t);
  await mkdir(join(home, 'engine-1.0/lib'), { recursive: true });
  await writeFile(join(home, 'engine-1.0/engine'), '#!/bin/sh\necho engine\n', { mode: 0o755 });
  await writeFile(join(home, 'engine-1.0/lib/libx.so.1.2'), 'x'.repeat(300_000));
  await symlink('libx.so.1.2', join(home, 'engine-1.0/lib/libx.so.1'));
  await symlink('libx.so.1', join(home, 'engine-1.0/lib/libx.so'));
  await symlink('lib/libx.so', join(home, 'engine-1.0/libx.so'));
  return home;
};

const unpack = async (t: TestContext, archive: string, options: Partial<UnpackOptions> = {}): Promise<string> => {
  const folder = join(await tempFolder(t), 'inside');
  await mkdir(folder);
  await unpackArchive(archive, folder, { signal: new AbortController().signal, ...options });
  return folder;
};

const archiveOf = async (t: TestContext, name: string, data: Buffer): Promise<string> => {
  const path = join(await tempFolder(t), name);
  await writeFile(path, data);
  return path;
};

const refused = async (
  t: TestContext,
  data: Buffer,
  expected: RegExp,
  options: Partial<UnpackOptions> = {},
): Promise<void> => {
  const home = await tempFolder(t);
  const [archive, folder] = [join(home, 'bad'), join(home, 'inside')];
  await mkdir(folder);
  await writeFile(archive, data);
  const failed = unpackArchive(archive, folder, { signal: new AbortController().signal, ...options });
  await assert.rejects(failed, (thrown: unknown) => {
    const error = thrown as RbeeError;
    assert.equal(error.code, 'ARCHIVE_INVALID', String(error.stack));
    assert.match(error.message, expected);
    return true;
  });
  assert.deepEqual((await readdir(home)).sort(), ['bad', 'inside'], 'nothing is written outside');
};

const assertEngine = async (folder: string): Promise<void> => {
  assert.match(await readFile(join(folder, 'engine'), 'utf8'), /echo engine/);
  assert.equal((await lstat(join(folder, 'engine'))).mode & 0o777, 0o755);
  assert.equal(await readlink(join(folder, 'lib/libx.so')), 'libx.so.1');
  assert.equal((await readFile(join(folder, 'libx.so'), 'utf8')).length, 300_000);
};

test('an engine is unpacked from every archive format, detected from the first bytes', async (t) => {
  const home = await engineFolder(t);
  const plain = join(home, 'engine.tar');
  await tar.create({ cwd: home, file: plain, portable: true }, ['engine-1.0']);
  const tool = (program: string, args: string[]) => execFileSync(program, args, { cwd: home, stdio: 'pipe' });
  await writeFile(join(home, 'packed-gz'), gzipSync(await readFile(plain)));
  tool('xz', ['-k', '-T2', 'engine.tar']);
  tool('zstd', ['-q', '--long=31', 'engine.tar', '-o', 'packed-zst']);
  tool('zip', ['-q', '-r', '-y', 'packed-zip', 'engine-1.0']);
  for (const name of ['engine.tar', 'packed-gz', 'engine.tar.xz', 'packed-zst', 'packed-zip.zip']) {
    const progress: number[] = [];
    const onProgress = (done: number, total: number) => progress.push(done / total);
    await t.test(name, async () => {
      await assertEngine(await unpack(t, join(home, name), { strip: 1, onProgress }));
      assert.equal(progress.at(-1)?.toFixed(1), '1.0');
    });
  }
});

test('a download that is the program itself becomes the only file, and is executable', async (t) => {
  const archive = await archiveOf(t, 'abc123', Buffer.from('#!/bin/sh\n'));
  const folder = await unpack(t, archive, { format: 'file', name: 'engine-linux' });
  assert.deepEqual(await readdir(folder), ['engine-linux']);
  assert.equal((await lstat(join(folder, 'engine-linux'))).mode & 0o777, 0o755);
});

test('an overlay is unpacked into the same folder as the engine', async (t) => {
  const folder = await unpack(t, await archiveOf(t, 'a', rawTar([{ name: 'engine', data: 'e' }])));
  const more = await archiveOf(
    t,
    'b',
    rawZip([
      { name: 'engine', data: 'newer' },
      { name: 'lib.dll', data: 'l' },
    ]),
  );
  await unpackArchive(more, folder, { signal: new AbortController().signal });
  assert.equal(await readFile(join(folder, 'engine'), 'utf8'), 'newer');
  assert.deepEqual((await readdir(folder)).sort(), ['engine', 'lib.dll']);
});

const hostile: [string, RawEntry[], RegExp][] = [
  ['a name with ..', [{ name: '../out', data: 'x' }], /leads out of the archive|invalid|\.\./],
  ['a name with .. in the middle', [{ name: 'a/../../out', data: 'x' }], /leads out|\.\./],
  ['an absolute name', [{ name: '/tmp/rbee-out', data: 'x' }], /relative|absolute/],
  ['a Windows name', [{ name: 'C:/out', data: 'x' }], /relative|absolute/],
  ['a backslash', [{ name: 'a\\..\\out', data: 'x' }], /relative|invalid|backslash/],
  ['a link to an absolute path', [{ name: 'l', link: '/etc/passwd' }], /leads out/],
  ['a link up and out', [{ name: 'a/l', link: '../../out' }], /leads out/],
  [
    'a link that goes down before it goes up',
    [
      { name: 'd', link: '.' },
      { name: 'x/e', link: '../d/..' },
    ],
    /leads out/,
  ],
  [
    'a file behind a link',
    [
      { name: 'd', link: '.' },
      { name: 'd/out', data: 'x' },
    ],
    /behind a link/,
  ],
  [
    'a link over a folder',
    [
      { name: 'd/f', data: 'x' },
      { name: 'd', link: '.' },
    ],
    /EEXIST|exists/,
  ],
];

for (const [title, entries, expected] of hostile) {
  test(`refused, in tar and in zip: ${title}`, async (t) => {
    await refused(t, rawTar(entries), expected);
    await refused(t, gzipSync(rawTar(entries)), expected);
    await refused(t, rawZip(entries), expected);
  });
}

test('a hard link must lead to a file of the archive', async (t) => {
  const file = { name: 'top/f', data: 'text' };
  const folder = await unpack(t, await archiveOf(t, 'a', rawTar([file, { name: 'top/h', hardlink: 'top/f' }])), {
    strip: 1,
  });
  assert.equal(await readFile(join(folder, 'h'), 'utf8'), 'text');
  await refused(t, rawTar([file, { name: 'h', hardlink: '/etc/passwd' }]), /relative path/);
  await refused(t, rawTar([file, { name: 'h', hardlink: '../bad' }]), /leads out/);
  await refused(t, rawTar([file, { name: 'l', link: 'top' }, { name: 'h', hardlink: 'l/f' }]), /behind a link/);
});

test('a link that stays inside before folders are stripped must stay inside afterwards', async (t) => {
  await refused(t, rawTar([{ name: 'top/l', link: '../other/f' }]), /leads out/, { strip: 1 });
});

test('devices and pipes are refused', async (t) => {
  await refused(t, rawTar([{ name: 'null', type: '3' }]), /CharacterDevice/);
  await refused(t, rawTar([{ name: 'pipe', type: '6' }]), /FIFO/);
});

test('set-user-id bits and write permission for others are removed', async (t) => {
  const folder = await unpack(t, await archiveOf(t, 'a', rawTar([{ name: 'f', data: 'x', mode: 0o6777 }])));
  assert.equal((await lstat(join(folder, 'f'))).mode & 0o7777, 0o755);
});

test('an archive bomb stops at the limits', async (t) => {
  const zeros = { name: 'zeros', data: Buffer.alloc(8 << 20) };
  const limits = { ...defaultLimits, maxEntries: 100, maxBytes: 1 << 20 };
  await refused(t, gzipSync(rawTar([zeros])), /more than 1048576 bytes/, { limits });
  await refused(t, rawZip([zeros]), /more than 1048576 bytes/, { limits });
  const many = Array.from({ length: 200 }, (_, index) => ({ name: `f${index}`, data: '' }));
  await refused(t, gzipSync(rawTar(many)), /more than 100 entries/, { limits });
  await refused(t, rawZip(many), /more than 100 entries/, { limits });
});

test('a truncated, damaged or unknown archive is refused', async (t) => {
  const home = await engineFolder(t);
  await tar.create({ cwd: home, file: join(home, 'e.tar'), portable: true }, ['engine-1.0']);
  execFileSync('xz', ['-k', join(home, 'e.tar')]);
  execFileSync('zstd', ['-q', join(home, 'e.tar')]);
  execFileSync('zip', ['-q', '-r', '-y', 'e.zip', 'engine-1.0'], { cwd: home });
  const plain = await readFile(join(home, 'e.tar'));
  const all = [
    plain,
    gzipSync(plain),
    ...(await Promise.all(['e.tar.xz', 'e.tar.zst', 'e.zip'].map((name) => readFile(join(home, name))))),
  ];
  for (const data of all) await refused(t, data.subarray(0, Math.floor(data.length * 0.6)), /./);
  for (const data of all.slice(1)) {
    const damaged = Buffer.from(data);
    const middle = Math.floor(data.length / 2);
    damaged.set(createHash('sha512').update('noise').digest().subarray(0, 40), middle);
    await refused(t, damaged, /./);
  }
  await refused(t, Buffer.from('<html>not found</html>'), /neither tar .* nor zip/);
  await refused(t, Buffer.alloc(0), /neither tar/);
});

test('unpacking can be aborted', async (t) => {
  const archive = await archiveOf(t, 'a', gzipSync(rawTar([{ name: 'f', data: Buffer.alloc(4 << 20) }])));
  const stop = new AbortController();
  const unpacking = unpack(t, archive, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
  await assert.rejects(unpacking, /enough/);
});
