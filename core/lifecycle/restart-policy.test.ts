import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterEnd } from './restart-policy.ts';

const now = 1_000_000_000;
const end = { policy: 'on-failure', crashes: [], now, clean: false, random: 0.5 } as const;

test('the first restart comes at once, later ones wait twice as long each time', () => {
  const delays = [[], [1], [1, 2], [1, 2, 3]].map((ago) => {
    const next = afterEnd({ ...end, crashes: ago.map((seconds) => now - seconds * 1000) });
    return next.kind === 'restart' ? next.delayMs : next.kind;
  });
  assert.deepEqual(delays, [0, 500, 1000, 2000]);
});

test('the wait is spread by a quarter to either side', () => {
  const delay = (random: number) => {
    const next = afterEnd({ ...end, crashes: [now - 1], random });
    return next.kind === 'restart' ? next.delayMs : next.kind;
  };
  assert.deepEqual([delay(0), delay(1)], [375, 625]);
});

test('the fifth crash in five minutes is the last', () => {
  const crashes = [4, 3, 2, 1].map((minutes) => now - minutes * 60_000);
  assert.deepEqual(afterEnd({ ...end, crashes }), { kind: 'failed', loop: true, crashes: [...crashes, now] });
});

test('crashes of more than five minutes ago are forgotten', () => {
  const crashes = [9, 8, 7, 5].map((minutes) => now - minutes * 60_000);
  assert.deepEqual(afterEnd({ ...end, crashes }), { kind: 'restart', delayMs: 0, crashes: [now] });
});

test('crashes that lie in the future, since the clock was set back, do not count', () => {
  assert.deepEqual(afterEnd({ ...end, crashes: [now + 1, now + 2, now + 3, now + 4] }), {
    kind: 'restart',
    delayMs: 0,
    crashes: [now],
  });
});

test('a clean end is the end, except for a process that should always run', () => {
  assert.equal(afterEnd({ ...end, clean: true }).kind, 'stopped');
  assert.equal(afterEnd({ ...end, clean: true, policy: 'never' }).kind, 'stopped');
  assert.equal(afterEnd({ ...end, clean: true, policy: 'always' }).kind, 'restart');
});

test('with the policy never, the first failure is the last', () => {
  assert.deepEqual(afterEnd({ ...end, policy: 'never' }), { kind: 'failed', loop: false, crashes: [now] });
});
