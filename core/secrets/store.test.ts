import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import { maxSecretBytes } from '../contract/secret-reference.ts';
import { SecretStore } from './store.ts';

const storeIn = async (t: TestContext): Promise<SecretStore> => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-secrets-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new SecretStore(join(folder, 'secrets'));
};

const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof RbeeError && error.code === wanted;

test('a secret is a private file in a private folder, and is read as it was set', async (t) => {
  const store = await storeIn(t);
  await store.set('hf-token', 'héllo "wörld"');
  assert.equal((await stat(store.folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(store.folder, 'hf-token'))).mode & 0o777, 0o600);
  assert.equal(await readFile(join(store.folder, 'hf-token'), 'utf8'), 'héllo "wörld"');
  assert.equal(await store.get('hf-token'), 'héllo "wörld"');
  assert.equal(await store.get('other'), undefined);
});

test('a folder with open permissions is made private when a secret is stored in it', async (t) => {
  const store = await storeIn(t);
  await store.set('one', 'value');
  await chmod(store.folder, 0o755);
  await store.set('two', 'value');
  assert.equal((await stat(store.folder)).mode & 0o777, 0o700);
});

test('a name is a plain file name', async (t) => {
  const store = await storeIn(t);
  for (const name of ['', '.', '..', '../up', 'a/b', 'a.b', '.hidden', 'a b', 'a\n', 'é', '-flag', 'x'.repeat(64)]) {
    await assert.rejects(store.set(name, 'value'), code('INVALID_INPUT'), name);
    await assert.rejects(store.get(name), code('INVALID_INPUT'), name);
    await assert.rejects(store.delete(name), code('INVALID_INPUT'), name);
  }
  await store.set('x'.repeat(63), 'value');
});

test('a value is one line of 4 characters to 64 KiB, and no error message repeats it', async (t) => {
  const store = await storeIn(t);
  const most = 'm'.repeat(maxSecretBytes);
  for (const value of [
    'abc',
    'first\nsecond',
    'with\0nul',
    ' padded',
    'padded ',
    `${most}m`,
    'é'.repeat(maxSecretBytes / 2 + 1),
  ]) {
    await assert.rejects(store.set('one', value), (error) => {
      assert.ok(error instanceof RbeeError && error.code === 'INVALID_INPUT');
      assert.ok(!JSON.stringify(error).includes(JSON.stringify(value).slice(1, -1)));
      return true;
    });
  }
  await store.set('one', 'abcd');
  await store.set('one', most);
  assert.equal(await store.get('one'), most);
  assert.deepEqual(await readdir(store.folder), ['one']);
});

test('a file readable by others, a link and a folder are refused', async (t) => {
  const store = await storeIn(t);
  await store.set('open', 'value');
  for (const mode of [0o640, 0o604, 0o620]) {
    await chmod(join(store.folder, 'open'), mode);
    await assert.rejects(store.get('open'), code('FILE_NOT_PRIVATE'));
  }
  await writeFile(join(store.folder, '..', 'elsewhere'), 'value', { mode: 0o600 });
  await symlink(join(store.folder, '..', 'elsewhere'), join(store.folder, 'link'));
  await assert.rejects(store.get('link'), code('FILE_UNREADABLE'));
  assert.deepEqual(
    (await store.list()).map(({ name }) => name),
    ['open'],
  );
});

test('secrets are listed by name, without leftovers of a killed writer', async (t) => {
  const store = await storeIn(t);
  assert.deepEqual(await store.list(), []);
  await store.set('b', 'value');
  await store.set('a', 'value');
  await writeFile(join(store.folder, 'a.1234.0123456789ab.tmp'), 'value');
  assert.deepEqual(
    (await store.list()).map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(await store.delete('a'), true);
  assert.equal(await store.delete('a'), false);
});

test('a replaced or deleted value is still redacted', async (t) => {
  const store = await storeIn(t);
  await store.set('one', 'first');
  await store.set('one', 'second');
  await store.delete('one');
  assert.deepEqual(
    [...store.values()],
    [
      ['one', 'first'],
      ['one', 'second'],
    ],
  );
  const again = new SecretStore(store.folder);
  await store.set('two', 'third');
  await again.load();
  assert.deepEqual([...again.values()], [['two', 'third']]);
});
