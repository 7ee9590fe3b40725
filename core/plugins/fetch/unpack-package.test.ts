import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { packEntries, type TarEntry } from '../testing/registry.ts';
import type { FetchError } from './fetch-error.ts';
import { packageLimits, surveyPackage, unpackPackage } from './unpack-package.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-unpack-'));
after(() => rmSync(home, { recursive: true }));

let count = 0;
/** Packs, then unpacks into a separate folder below `outer`; returns both folders. */
const unpack = async (...entries: TarEntry[]) => {
  const outer = join(home, String(++count));
  const folder = join(outer, 'inner');
  const file = `${outer}.tgz`;
  writeFileSync(file, packEntries(entries));
  return { outer, folder, result: await unpackPackage(file, folder, 'evil@1.0.0') };
};
const good: TarEntry = { path: 'package/package.json', text: '{}' };

test('files keep their content, but no special mode bits', async () => {
  const { folder, result } = await unpack(
    good,
    { path: 'package/bin', type: 'Directory', mode: 0o000 },
    { path: 'package/bin/run', text: '#!', mode: 0o6777 },
    { path: 'package/secret', text: '', mode: 0o000 },
  );
  assert.equal(result.files, 4);
  assert.equal(statSync(join(folder, 'bin/run')).mode & 0o7777, 0o755 & ~process.umask());
  assert.equal(statSync(join(folder, 'secret')).mode & 0o600, 0o600);
});

const refused: Record<string, [TarEntry[], RegExp]> = {
  'a file above the folder': [[good, { path: 'package/../../evil', text: 'x' }], /is outside/],
  'an absolute path': [[good, { path: '/tmp/rbee-evil', text: 'x' }], /is outside/],
  'a link out of the folder': [
    [good, { path: 'package/out', type: 'SymbolicLink', linkpath: '/etc' }],
    /contains a link/,
  ],
  'a hard link': [[good, { path: 'package/out', type: 'Link', linkpath: '/etc/passwd' }], /contains a link/],
  'a pipe': [[good, { path: 'package/pipe', type: 'FIFO' }], /contains a FIFO/],
  'ten gigabytes of zeros': [[good, { path: 'package/zeros', size: 10 * 1024 ** 3 }], /unpacks to more than/],
  'a file behind another folder': [[good, { path: 'package/./../../evil', text: 'x' }], /is outside/],
  'a Windows path': [[good, { path: 'package\\..\\..\\evil', text: 'x' }], /is outside/],
  'a Windows drive': [[good, { path: 'C:/evil', text: 'x' }], /is outside/],
  'a device': [[good, { path: 'package/null', type: 'CharacterDevice' }], /contains a CharacterDevice/],
  'a duplicate file': [[good, { path: 'other/package.json', text: '{}' }], /nearly the same name/],
  'a name in two spellings': [
    [good, { path: 'package/index.js', text: 'a' }, { path: 'package/Index.js', text: 'b' }],
    /package\/index\.js and package\/Index\.js/,
  ],
  'a file instead of a folder': [
    [good, { path: 'package/a', type: 'Directory' }, { path: 'package/A', text: '' }],
    /twice|same name/,
  ],
  'no file at all': [[], /empty|cannot be unpacked/],
};
for (const [what, [entries, expected]] of Object.entries(refused)) {
  test(`${what} is refused, and nothing is written`, async () => {
    await assert.rejects(unpack(...entries), (error: FetchError) => {
      assert.equal(error.failure.kind, 'refused');
      assert.equal(error.failure.what, 'evil@1.0.0');
      assert.match(error.message, expected);
      return true;
    });
    assert.deepEqual(
      readdirSync(home).filter((name) => name.includes('evil')),
      [],
    );
    assert.ok(!existsSync(join(home, String(count))), 'not even the folder was made');
  });
}

test('a truncated package is refused', async () => {
  const file = join(home, 'cut.tgz');
  const whole = packEntries([good, { path: 'package/a', text: 'a'.repeat(100_000) }]);
  writeFileSync(file, whole.subarray(0, whole.length - 20));
  await assert.rejects(unpackPackage(file, join(home, 'cut'), 'evil@1.0.0'), /cannot be unpacked/);
});

test('all entries count towards the limits, including those that are not files', async () => {
  const file = join(home, 'counted.tgz');
  const limits = { ...packageLimits, maxBytes: 20_000, maxEntries: 10 };
  const text = 'x'.repeat(9_000);
  const two = [1, 2].map((one) => ({ path: `package/${one}`, text }));
  writeFileSync(file, packEntries([good, ...two]));
  assert.deepEqual((await surveyPackage(file, 'fine@1.0.0', limits)).files, 3);
  writeFileSync(file, packEntries([good, ...two, { path: 'package/3', text }]));
  await assert.rejects(surveyPackage(file, 'evil@1.0.0', limits), /unpacks to more than 20000 bytes/);
  const comment = { path: 'package/x', type: 'ExtendedHeader', text: `50000 comment=${'x'.repeat(50_000)}\n` } as never;
  writeFileSync(file, packEntries([comment, good]));
  await assert.rejects(surveyPackage(file, 'evil@1.0.0', limits), /unpacks to more than/);
});

test('data after the end of an archive is not read', async () => {
  const zeros = gzipSync(Buffer.alloc(64 * 1024 ** 2));
  const file = join(home, 'padded.tgz');
  writeFileSync(file, Buffer.concat([packEntries([good]), ...Array.from({ length: 160 }, () => zeros)]));
  assert.equal((await unpackPackage(file, join(home, 'padded'), 'padded@1.0.0')).files, 1);
});

test('too many files are refused before the first is written', async () => {
  const many = Array.from({ length: packageLimits.maxEntries + 1 }, (_, index) => ({ path: `package/${index}` }));
  await assert.rejects(unpack(...many), /contains more than 50000 entries/);
  assert.ok(!existsSync(join(home, String(count))));
});

test('double compression is refused, because the limits would not apply inside', async () => {
  const file = join(home, 'twice.tgz');
  writeFileSync(file, gzipSync(packEntries([good])));
  await assert.rejects(surveyPackage(file, 'evil@1.0.0'), /compressed twice/);
});

test('the limits fit a plugin, not a disk', () => {
  assert.ok(packageLimits.maxBytes <= 4 * 1024 ** 3 && packageLimits.maxEntries <= 100_000);
});
