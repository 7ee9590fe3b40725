import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { lease, release } from './lease.ts';

const setUp = async (t: TestContext) => {
  const file = join(await tempFolder(t), 'state', 'lease');
  const ask = (owner: string, more: { ms?: number; takeOver?: boolean } = {}) =>
    lease({ file, owner, about: `a sync of ${owner}`, ms: 60_000, ...more });
  const written = async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  return { file, ask, written };
};

test('one owner takes, renews and releases a lease; another one learns who holds it', async (t) => {
  const { file, ask, written } = await setUp(t);
  assert.deepEqual(await ask('ann'), { held: true });
  const { since } = await written();
  assert.deepEqual(await ask('bob'), { held: false, owner: 'ann', about: 'a sync of ann', since });
  assert.deepEqual(await ask('ann'), { held: true });
  assert.equal((await written())['since'], since);
  await release(file, 'bob');
  assert.equal((await ask('bob')).held, false);
  await release(file, 'ann');
  assert.deepEqual(await ask('bob'), { held: true });
  await release(file, 'nobody');
  await release(`${file}-none`, 'ann');
});

test('of many concurrent requests, one gets the lease', async (t) => {
  const { ask } = await setUp(t);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, nth) => ask(`owner ${nth}`)));
  assert.equal(answers.filter(({ held }) => held).length, 1);
});

test('a lease expires by this machine’s clock', async (t) => {
  const { ask } = await setUp(t);
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000_000 });
  await ask('ann', { ms: 60_000 });
  t.mock.timers.setTime(1_000_000_059_999);
  assert.equal((await ask('bob')).held, false);
  t.mock.timers.setTime(1_000_000_060_000);
  assert.equal((await ask('bob')).held, true);
  assert.equal((await ask('ann')).held, false);
});

test('no lease lasts forever, however long it was requested for, even if the clock is set back', async (t) => {
  const { ask } = await setUp(t);
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000_000 });
  await ask('ann', { ms: Number.MAX_SAFE_INTEGER });
  t.mock.timers.setTime(1_000_000_000_000 + 10 * 60_000);
  assert.equal((await ask('bob')).held, true);
  t.mock.timers.setTime(1_000_000_000_000 - 86_400_000);
  assert.equal((await ask('ann')).held, true);
});

test('a lease can be taken over, and its former owner finds out', async (t) => {
  const { file, ask } = await setUp(t);
  await ask('ann');
  assert.equal((await ask('bob', { takeOver: true })).held, true);
  const answer = await ask('ann');
  assert.equal(!answer.held && answer.about, 'a sync of bob');
  await release(file, 'ann');
  assert.equal((await ask('carl')).held, false);
});

test('a damaged lease file has no owner', async (t) => {
  const { file, ask } = await setUp(t);
  await ask('ann');
  const until = Date.now() + 60_000;
  for (const text of ['', '{', 'null', '[]', '{"owner":"ann"}', JSON.stringify({ owner: 'ann', until }), '"x"']) {
    await writeFile(file, text);
    assert.deepEqual(await ask('bob'), { held: true }, text);
  }
});
