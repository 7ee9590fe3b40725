import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit } from './rate-limit.ts';

test('a burst passes at once, then the rate per second applies', () => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 10, burst: 3 }, () => now);
  assert.deepEqual([limit.take(1), limit.take(1), limit.take(1), limit.take(1)], [true, true, true, false]);
  now = 200;
  assert.equal(limit.take(1), true);
});

test('unused capacity accumulates up to one burst', () => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 10, burst: 3 }, () => now);
  now = 3_600_000;
  assert.equal(limit.take(3), true);
  assert.equal(limit.take(1), false);
});
