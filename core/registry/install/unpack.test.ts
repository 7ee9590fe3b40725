import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FetchError } from './fetch-error.ts';
import { packEntries, type TarEntry } from './testing.ts';
import { limits, unpackPackage } from './unpack.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-unpack-'));
after(() => rmSync(home, { recursive: true }));

let count = 0;
/** Packs, unpacks into a folder of its own below `outer`, and gives both folders. */
const unpack = async (...entries: TarEntry[]) => {
  const outer = join(home, String(++count));
  const folder = join(outer, 'inner');
  const file = `${outer}.tgz`;
  writeFileSync(file, packEntries(entries));
  return { outer, folder, result: await unpackPackage(file, folder, 'evil@1.0.0') };
};
const good: TarEntry = { path: 'package/package.json', text: '{}' };

test('files keep their content, and lose every special bit', async () => {
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
  'a file above the folder': [[good, { path: 'package/../../evil', text: 'x' }], /lies outside/],
  'an absolute path': [[good, { path: '/tmp/rbee-evil', text: 'x' }], /lies outside/],
  'a link out of the folder': [[good, { path: 'package/out', type: 'SymbolicLink', linkpath: '/etc' }], /holds a link/],
  'a hard link': [[good, { path: 'package/out', type: 'Link', linkpath: '/etc/passwd' }], /holds a link/],
  'a pipe': [[good, { path: 'package/pipe', type: 'FIFO' }], /holds a FIFO/],
  'ten gigabytes of zeros': [[good, { path: 'package/zeros', size: 10 * 1024 ** 3 }], /unpacks to more than/],
  'no file at all': [[], /empty|cannot be unpacked/],
};
for (const [what, [entries, expected]] of Object.entries(refused)) {
  test(`${what} is refused, and nothing lies outside the folder`, async () => {
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
    assert.deepEqual(readdirSync(join(home, String(count))), ['inner']);
  });
}

test('a package that is cut short is refused', async () => {
  const file = join(home, 'cut.tgz');
  const whole = packEntries([good, { path: 'package/a', text: 'a'.repeat(100_000) }]);
  writeFileSync(file, whole.subarray(0, whole.length - 20));
  await assert.rejects(unpackPackage(file, join(home, 'cut'), 'evil@1.0.0'), /cannot be unpacked/);
});

test('the limits are those of a plugin, not of a disk', () => {
  assert.ok(limits.unpackedBytes <= 4 * 1024 ** 3 && limits.files <= 100_000);
});
