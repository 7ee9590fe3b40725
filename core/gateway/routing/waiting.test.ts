import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiting } from './waiting.ts';

const never = new AbortController().signal;
const soon = () => performance.now() + 10_000;

test('a change wakes all that wait, and an abort only its own', async () => {
  const waiting = new Waiting();
  const left = new AbortController();
  const all = [waiting.change(soon(), never), waiting.change(soon(), left.signal)];
  left.abort();
  assert.equal(await all[1], true);
  assert.equal(waiting.size, 1);
  waiting.wake();
  assert.equal(await all[0], true);
  assert.equal(waiting.size, 0);
  assert.equal(await waiting.change(soon(), AbortSignal.abort()), true);
});

test('the deadline ends it, and so does the number of those that wait', async () => {
  const waiting = new Waiting();
  assert.equal(await waiting.change(performance.now(), never), false);
  assert.equal(await waiting.change(performance.now() + 20, never), false);
  const full = Array.from({ length: 1_000 }, () => waiting.change(soon(), never));
  assert.equal(await waiting.change(soon(), never), false);
  waiting.wake();
  assert.ok((await Promise.all(full)).every((isChanged) => isChanged));
});
