import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Affinity } from './affinity.ts';

const day = 24 * 60 * 60 * 1000;
const maker = (key: string) => ({ key, uid: undefined });

it('forgets an id thirty days after its last use', () => {
  let now = 0;
  const affinity = new Affinity(() => now);
  affinity.bind('batch', '1', maker('a'));
  now = 29 * day;
  assert.equal(affinity.makerOf('batch:1')?.key, 'a');
  now += 29 * day;
  assert.equal(affinity.makerOf('batch:1')?.key, 'a');
  now += 31 * day;
  assert.equal(affinity.makerOf('batch:1'), undefined);
  assert.equal(affinity.size, 0);
});

it('keeps a bounded number of ids, the last used ones, and none that is too long', () => {
  const affinity = new Affinity();
  affinity.bind('batch', 'used', maker('a'));
  affinity.bind('batch', 'unused', maker('a'));
  affinity.bind('batch', 'x'.repeat(257), maker('a'));
  affinity.bind('batch', '', maker('a'));
  assert.equal(affinity.size, 2);
  for (let nth = 0; nth < 50_000; nth += 1) {
    affinity.bind('batch', String(nth), maker('b'));
    if (nth % 1_000 === 0) affinity.makerOf('batch:used');
  }
  assert.equal(affinity.size, 50_000);
  assert.equal(affinity.makerOf('batch:used')?.key, 'a');
  assert.equal(affinity.makerOf('batch:unused'), undefined);
});

it('takes the worker that made an id last, and does not mix up names', () => {
  const affinity = new Affinity();
  affinity.bind('batch', '1', maker('a'));
  affinity.bind('file', '1', maker('b'));
  assert.equal(affinity.makerOf('batch:1')?.key, 'a');
  affinity.bind('batch', '1', maker('c'));
  assert.equal(affinity.makerOf('batch:1')?.key, 'c');
  assert.equal(affinity.makerOf('file:1')?.key, 'b');
});
