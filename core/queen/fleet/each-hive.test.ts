import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { simulatedHive, until } from '../testing.ts';
import { askEach } from './each-hive.ts';
import { Fleet } from './fleet.ts';

const fleet = new Fleet();
after(() => fleet.close());

// A single failing hive used to make the list of all models fail.
test('a hive that cannot answer is named, and the others are listed', async () => {
  for (const alias of ['good', 'bad']) fleet.add(simulatedHive(alias)).start();
  await until(() => fleet.hives().every(({ status }) => status === 'online'), 'both online');
  const ask = async ({ connection: { alias } }: { connection: { alias: string } }) => {
    if (alias === 'bad') throw RbeeError.of('HIVE_PROTOCOL_ERROR', { hive: alias, problem: 'models must be array' });
    return alias;
  };
  const { answers, absent } = await askEach(fleet, undefined, ask);
  assert.deepEqual(answers, ['good']);
  assert.deepEqual(
    absent.map(({ hive, reason }) => [hive, /models must be array/.test(reason ?? '')]),
    [['bad', true]],
  );
  await assert.rejects(askEach(fleet, 'bad', ask), { code: 'HIVE_PROTOCOL_ERROR' });
  assert.deepEqual((await askEach(fleet, 'good', ask)).answers, ['good']);
});
