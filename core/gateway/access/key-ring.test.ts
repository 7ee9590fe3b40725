import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { NewKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';
import { memoryKeys } from '../testing.ts';
import { keyFile } from './key-file.ts';
import { KeyRing } from './key-ring.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
let made = 0;
const newKey = (over: Partial<NewKey> = {}) => {
  const id = `key0000${made++ % 10}`.slice(0, 8);
  const key = `rbee_${id}_${randomBytes(32).toString('base64url')}`;
  return { key, request: { id, hash: hashOf(key), name: `k${made}`, scope: 'infer', ...over } as NewKey };
};
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing',
    (error) => (error instanceof RbeeError ? error.code : String(error)),
  );

test('a key is found by the whole of it alone', async () => {
  const ring = new KeyRing(memoryKeys());
  const { key, request } = newKey();
  await ring.create(request);
  assert.ok('key' in ring.find(key));
  for (const wrong of [
    '',
    'sk-dummy',
    key.slice(0, -1),
    `${key}x`,
    key.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')),
    newKey().key,
  ])
    assert.ok('problem' in ring.find(wrong), wrong);
});

test('a revoked or expired key means nothing, and revoking ends what it has begun', async () => {
  const ring = new KeyRing(memoryKeys());
  const { key, request } = newKey({ name: 'gone', expiresAt: new Date(Date.now() + 60_000).toISOString() });
  await ring.create(request);
  assert.deepEqual(ring.find(key, Date.now() + 61_000), { problem: 'it has expired' });
  let cut = 0;
  ring.whenEnded(request, () => cut++);
  ring.whenEnded(request, () => cut++)();
  await ring.revoke('gone');
  assert.deepEqual([ring.find(key), cut], [{ problem: 'it was revoked' }, 1]);
  assert.equal(ring.list()[0]?.state, 'revoked');
  await ring.create({ ...newKey({ name: 'gone' }).request });
  assert.equal(await code(ring.rotate(request.id, hashOf('x'))), 'KEY_ENDED');
});

test('after a rotation the old secret is valid for its grace only', async () => {
  const ring = new KeyRing(memoryKeys());
  const { key, request } = newKey({ name: 'turn' });
  await ring.create(request);
  const next = `rbee_${request.id}_${randomBytes(32).toString('base64url')}`;
  await ring.rotate('turn', hashOf(next), 60);
  assert.ok('key' in ring.find(key) && 'key' in ring.find(next));
  assert.ok('problem' in ring.find(key, Date.now() + 61_000));
  const last = `rbee_${request.id}_${randomBytes(32).toString('base64url')}`;
  await ring.rotate('turn', hashOf(last));
  assert.ok('problem' in ring.find(key) && 'problem' in ring.find(next) && 'key' in ring.find(last));
});

test('names are used once at a time, and a typo gets the nearest', async () => {
  const ring = new KeyRing(memoryKeys());
  await ring.create(newKey({ name: 'laptop' }).request);
  assert.equal(await code(ring.create(newKey({ name: 'laptop' }).request)), 'KEY_EXISTS');
  await assert.rejects(ring.revoke('laptpo'), { message: /did you mean laptop\?/ });
});

test('what is stored holds no key, is private, and is read again', async () => {
  const file = join(folder, 'keys.json');
  const ring = new KeyRing(keyFile(file));
  assert.equal(await ring.open(), undefined);
  const { key, request } = newKey({ models: ['demo'], requestsPerMinute: 5 });
  await ring.create(request);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!readFileSync(file, 'utf8').includes(key.slice('rbee_12345678_'.length)));
  const again = new KeyRing(keyFile(file));
  await again.open();
  const found = again.find(key);
  assert.ok('key' in found && found.key.models?.[0] === 'demo');
});

test('keys that cannot be read are not valid, and are not overwritten', async () => {
  const file = join(folder, 'damaged.json');
  for (const text of ['{', '[]', '{"version":2,"keys":[]}', '{"version":1,"keys":[{"id":"x"}]}']) {
    writeFileSync(file, text, { mode: 0o600 });
    const ring = new KeyRing(keyFile(file));
    assert.ok(await ring.open(), text);
    assert.ok('problem' in ring.find(newKey().key));
    assert.equal(await code(ring.create(newKey().request)), 'FILE_UNREADABLE');
    assert.equal(readFileSync(file, 'utf8'), text);
  }
  writeFileSync(file, '{"version":1,"keys":[]}');
  chmodSync(file, 0o666);
  assert.ok(await new KeyRing(keyFile(file)).open(), 'others could add keys');
});
