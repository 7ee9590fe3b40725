import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRevival, type HiveSituation, nextBackoffMs, revivalBackoffMs } from './revival-policy.ts';

const gone: HiveSituation = { wanted: true, busy: false, heard: false, machineAnswers: true, retry: 'none' };

const table: [title: string, change: Partial<HiveSituation>, expected: ReturnType<typeof decideRevival>][] = [
  ['a hive that should run and is gone is started after a back-off', {}, 'wait'],
  ['a start that is planned is not planned twice', { retry: 'planned' }, 'nothing'],
  ['a start that is due happens', { retry: 'due' }, 'start'],
  ['a hive that was stopped stays stopped', { wanted: false }, 'nothing'],
  ['a hive stopped while its start was planned stays stopped', { wanted: false, retry: 'due' }, 'nothing'],
  ['a hive that a job works on is left to the job', { busy: true }, 'nothing'],
  ['a job that began before the start was due goes first', { busy: true, retry: 'due' }, 'nothing'],
  ['a hive that came back before the start was due is left alone', { heard: true, retry: 'due' }, 'nothing'],
  ['a hive whose machine does not answer is left alone', { machineAnswers: false }, 'nothing'],
];

for (const [title, change, expected] of table) {
  test(title, () => assert.equal(decideRevival({ ...gone, ...change }), expected));
}

test('each of the five facts can prevent a start', () => {
  const starts: HiveSituation[] = [];
  for (const wanted of [true, false]) {
    for (const busy of [true, false]) {
      for (const heard of [true, false]) {
        for (const machineAnswers of [true, false]) {
          for (const retry of ['none', 'planned', 'due'] as const) {
            const situation = { wanted, busy, heard, machineAnswers, retry };
            if (decideRevival(situation) === 'start') starts.push(situation);
          }
        }
      }
    }
  }
  assert.deepEqual(starts, [{ ...gone, retry: 'due' }]);
});

test('the back-off doubles up to its maximum', () => {
  const waits: number[] = [];
  let last: { backoffMs: number; at: number } | null = null;
  for (let at = 0; waits.length < 11; at += 1_000) {
    const backoffMs: number = nextBackoffMs(last, at);
    waits.push(backoffMs);
    last = { backoffMs, at };
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
});

test('the back-off starts over a minute after the last attempt', () => {
  const last = { backoffMs: revivalBackoffMs.max, at: 1_000 };
  assert.equal(nextBackoffMs(last, 61_000), revivalBackoffMs.max);
  assert.equal(nextBackoffMs(last, 61_001), revivalBackoffMs.first);
});
