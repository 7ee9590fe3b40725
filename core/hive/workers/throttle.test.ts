import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../lifecycle/process/testing.ts';
import { Throttle } from './throttle.ts';

test('the first trigger calls at once, and a burst of them calls once more at its end', async () => {
  let calls = 0;
  const throttle = new Throttle(() => {
    calls += 1;
  });
  throttle.trigger();
  assert.equal(calls, 1);
  for (let change = 0; change < 100; change += 1) throttle.trigger();
  assert.equal(calls, 1);
  const keepAlive = setInterval(() => {}, 1_000);
  await eventually(() => calls === 2, 'the end of the burst');
  clearInterval(keepAlive);
  throttle.close();
});
