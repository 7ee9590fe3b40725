import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { FailedStarts } from './failed-starts.ts';

const day = 24 * 3_600_000;

const failedStarts = async (t: TestContext) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'logs'));
  const logFileOf = (id: string) => join(folder, 'logs', `worker-${id}.log`);
  const clock = { now: Date.parse('2026-01-01') };
  const starts = new FailedStarts({ file: join(folder, 'logs/failed.json'), logFileOf, now: () => clock.now });
  const fail = async (id: string) => {
    await writeFile(logFileOf(id), id);
    await starts.add(id, 'it exited');
  };
  return { folder, starts, fail, clock, hasLog: (id: string) => existsSync(logFileOf(id)) };
};

test('the logs of the last twenty failed starts are kept, and none for longer than a week', async (t) => {
  const { starts, fail, clock, hasLog } = await failedStarts(t);
  await Promise.all(Array.from({ length: 21 }, (_, index) => fail(`w${index}`)));
  const kept = Array.from({ length: 21 }, (_, index) => hasLog(`w${index}`));
  assert.equal(kept.filter(Boolean).length, 20);
  clock.now += 6 * day;
  await fail('later');
  clock.now += 2 * day;
  await fail('now');
  assert.deepEqual(await starts.find('later'), { id: 'later', at: '2026-01-07T00:00:00.000Z', message: 'it exited' });
  for (let index = 0; index < 21; index += 1) assert.equal(hasLog(`w${index}`), false);
});

test('a forgotten start leaves no log, and a damaged file counts as empty', async (t) => {
  const { folder, starts, fail, hasLog } = await failedStarts(t);
  await fail('one');
  await starts.forget('one');
  assert.equal(await starts.find('one'), null);
  assert.equal(hasLog('one'), false);
  await writeFile(join(folder, 'logs/failed.json'), '{');
  assert.equal(await starts.find('one'), null);
  await fail('two');
  assert.equal((await starts.find('two'))?.message, 'it exited');
});
