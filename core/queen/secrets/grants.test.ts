import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { simulatedHive, workerWith } from '../testing.ts';
import { Grants } from './grants.ts';
import { QueenSecrets } from './queen-secrets.ts';

const folderFor = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-grants-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

test('grants survive a restart, and a damaged file counts as empty', async (t) => {
  const file = join(await folderFor(t), 'grants.json');
  const grants = new Grants(file);
  await grants.load();
  await grants.set('gpu', 'one', ['token']);
  await grants.set('gpu', 'two', ['key']);
  await grants.set('gpu', 'two', []);
  const next = new Grants(file);
  await next.load();
  assert.deepEqual(next.of('gpu', 'one'), ['token']);
  assert.deepEqual([next.of('gpu', 'two'), next.of('other', 'one')], [[], []]);
  for (const text of ['{', '{"grants":7}', '{"grants":[{"hive":7},{"hive":"gpu","worker":"one","secrets":"x"}]}']) {
    await writeFile(file, text);
    const damaged = new Grants(file);
    await damaged.load();
    assert.deepEqual(damaged.of('gpu', 'one'), []);
  }
});

test('a hive gets only the secrets that its worker was spawned with, whatever it claims', async (t) => {
  const folder = await folderFor(t);
  const secrets = new QueenSecrets({ data: folder, state: folder });
  await secrets.start();
  await secrets.store.set('token', 'value of token');
  await secrets.store.set('other', 'value of other');
  const hive = simulatedHive('gpu');
  const sent: unknown[] = [];
  hive.onSpawn = async () => {
    const lying = workerWith({ id: 'one', hive: 'gpu', spec: { type: 'fake', options: { a: 'secret:other' } } });
    hive.workers = [lying];
    return lying;
  };
  const recording = {
    ...hive.client,
    spawn: async (...[spec, call]: Parameters<typeof hive.client.spawn>) => {
      sent.push(call?.secrets);
      return hive.client.spawn(spec, call);
    },
    restart: async (...[id, call]: Parameters<typeof hive.client.restart>) => {
      sent.push(call?.secrets);
      return hive.client.restart(id, call);
    },
  };
  const client = secrets.client('gpu', recording);

  await client.spawn({ type: 'fake', options: { token: 'secret:token' } });
  await secrets.store.set('token', 'a newer value');
  await client.restart('one');
  await client.delete('one');
  hive.workers = [workerWith({ id: 'one', hive: 'gpu' })];
  await client.restart('one');
  assert.deepEqual(sent, [{ token: 'value of token' }, { token: 'a newer value' }, undefined]);
});

test('a missing secret is refused before the hive is contacted, with the nearest name', async (t) => {
  const folder = await folderFor(t);
  const secrets = new QueenSecrets({ data: folder, state: folder });
  await secrets.store.set('hf-token', 'value');
  const hive = simulatedHive('gpu');
  const spec = { type: 'fake', environment: { HF_TOKEN: 'secret:hf-tokem', OTHER: 'secret:../x' } };
  await assert.rejects(secrets.client('gpu', hive.client).spawn(spec), (error) => {
    assert.ok(error instanceof RbeeError && error.code === 'SECRET_NOT_FOUND');
    assert.match(error.message, /there is no secret hf-tokem.*did you mean hf-token/);
    return true;
  });
  assert.deepEqual(hive.calls, []);
  const problems = await secrets.problems(spec);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['SECRET_NOT_FOUND', 'SECRET_NOT_FOUND'],
  );
});
