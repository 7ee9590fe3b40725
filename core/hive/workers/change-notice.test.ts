import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../lifecycle/process/testing.ts';
import { ChangeNotice } from './change-notice.ts';

test('a change is told at once, and a burst of them once more at its end', async () => {
  let told = 0;
  const notice = new ChangeNotice(() => {
    told += 1;
  });
  notice.changed();
  assert.equal(told, 1);
  for (let change = 0; change < 100; change += 1) notice.changed();
  assert.equal(told, 1);
  const keepAlive = setInterval(() => {}, 1_000);
  await eventually(() => told === 2, 'the end of the burst');
  clearInterval(keepAlive);
  notice.close();
});
