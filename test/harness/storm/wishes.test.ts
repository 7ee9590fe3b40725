import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt } from './clients.ts';
import type { Change } from './plan.ts';
import { type Wish, wishesOf } from './wishes.ts';

type Outcome = Attempt['outcome'];

/** `[from, to]`, the change requested of amber on the local hive, and its outcome. */
const attempt = (
  [began, ended]: [number, number],
  change: Change,
  outcome: Outcome,
  { hive = 'local', id = 'amber', on }: { hive?: string | null; id?: string; on?: string } = {},
): Attempt => ({
  client: 'a client',
  request: { change, id, hive, now: true },
  began,
  ended,
  outcome,
  hive: outcome === 'done' ? (on ?? hive) : null,
});

const wishFor = (id: string, hive: string, attempts: readonly Attempt[]): Wish | undefined =>
  wishesOf(attempts).find((one) => one.id === id && one.hive === hive)?.wish;

const amber = (...attempts: Attempt[]): Wish | undefined => wishFor('amber', 'local', attempts);

test('the last of several successive changes counts', () => {
  assert.equal(amber(), 'gone');
  assert.equal(amber(attempt([0, 1], 'spawn', 'done')), 'running');
  assert.equal(amber(attempt([0, 1], 'spawn', 'done'), attempt([2, 3], 'stop', 'done')), 'stopped');
  assert.equal(amber(attempt([2, 3], 'delete', 'done'), attempt([0, 1], 'spawn', 'done')), 'gone');
});

test('overlapping changes may have happened in either order, and refused ones not at all', () => {
  assert.equal(amber(attempt([0, 2], 'spawn', 'done'), attempt([1, 3], 'delete', 'done')), 'either');
  assert.equal(amber(attempt([0, 2], 'spawn', 'done'), attempt([1, 3], 'delete', 'refused')), 'running');
});

test('an interrupted change may take effect at any time, on each hive that it may concern', () => {
  assert.equal(amber(attempt([0, 1], 'stop', 'unknown'), attempt([2, 3], 'spawn', 'done')), 'either');
  const elsewhere = attempt([0, 1], 'stop', 'unknown', { hive: 'pi' });
  assert.equal(amber(elsewhere, attempt([2, 3], 'spawn', 'done')), 'running');
  const anywhere = attempt([0, 1], 'stop', 'unknown', { hive: null });
  assert.equal(amber(anywhere, attempt([2, 3], 'spawn', 'done')), 'either');
});

test('a change without a hive counts on the hive where it was done', () => {
  const deleted = attempt([2, 3], 'delete', 'done', { hive: null, on: 'pi' });
  const all = [attempt([0, 1], 'spawn', 'done'), attempt([0, 1], 'spawn', 'done', { hive: 'pi' }), deleted];
  assert.equal(wishFor('amber', 'local', all), 'running');
  assert.equal(wishFor('amber', 'pi', all), 'gone');
});

test('a client that repeats a change until it is done wants the last one that succeeded', () => {
  const own = { id: 'own-pi', hive: 'pi' };
  const all = [attempt([0, 1], 'spawn', 'unknown', own), attempt([2, 3], 'spawn', 'done', own)];
  assert.equal(wishFor('own-pi', 'pi', all), 'running');
  assert.equal(wishFor('own-pi', 'pi', [...all, attempt([4, 5], 'stop', 'unknown', own)]), 'either');
  assert.equal(wishFor('steady-pi', 'pi', []), 'running');
});
