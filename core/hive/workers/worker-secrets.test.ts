import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import type { MayNameSecrets } from '../../contract/secret-reference.ts';
import { SecretStore } from '../../secrets/store.ts';
import { WorkerSecrets } from './worker-secrets.ts';

const make = async (t: TestContext, workers: MayNameSecrets[] = []) => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-secrets-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const store = new SecretStore(join(folder, 'secrets'));
  const names = async () => (await store.list()).map(({ name }) => name);
  return { store, names, secrets: new WorkerSecrets(store, () => workers) };
};

const isMissing = (error: unknown): boolean => error instanceof RbeeError && error.code === 'SECRET_NOT_FOUND';

test('secrets of a start stay as long as something uses them', async (t) => {
  const workers: MayNameSecrets[] = [];
  const { secrets, names } = await make(t, workers);
  const spec = { options: { token: 'secret:token', size: 7 }, environment: { HF: 'secret:hf' } };
  const release = await secrets.hold(spec, { token: 'value', hf: 'other', stray: 'not named' });
  assert.deepEqual(await names(), ['hf', 'token']);
  await secrets.collect();
  assert.deepEqual(await names(), ['hf', 'token']);
  workers.push(spec);
  await release();
  assert.deepEqual(await names(), ['hf', 'token']);
  workers.pop();
  await secrets.collect();
  assert.deepEqual(await names(), []);
});

test('a start with a missing secret leaves nothing behind', async (t) => {
  const { secrets, names } = await make(t);
  const spec = { options: { one: 'secret:one', two: 'secret:two' } };
  await assert.rejects(secrets.hold(spec, { one: 'value' }), isMissing);
  assert.deepEqual(await names(), []);
});

test('concurrent starts do not delete each other’s secrets', async (t) => {
  const { secrets, names } = await make(t);
  const hold = (name: string) => secrets.hold({ options: { token: `secret:${name}` } }, { [name]: 'value' });
  const releases = await Promise.all(['a', 'b', 'c'].map(hold));
  await releases[0]?.();
  assert.deepEqual(await names(), ['b', 'c']);
});

test('a type gets only what its worker names', async (t) => {
  const { secrets, store } = await make(t);
  await store.set('mine', 'my value');
  await store.set('other', 'of another worker');
  const spec = { options: { token: 'secret:mine' } };
  const env = { TOKEN: 'secret:mine', STOLEN: 'secret:other', PART: 'Bearer secret:mine', PLAIN: 'words' };
  assert.deepEqual(await secrets.resolve(env, spec), { ...env, TOKEN: 'my value' });
  await store.delete('mine');
  await assert.rejects(secrets.resolve(env, spec), isMissing);
});
