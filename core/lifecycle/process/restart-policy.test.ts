import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterEnd } from './restart-policy.ts';

const now = 1_000_000_000;
const end = { policy: 'on-failure', kind: 'crash', crashes: [], kills: [], now, random: 0.5 } as const;

test('the first restart comes at once, later ones wait twice as long each time', () => {
  const delays = [[], [1], [1, 2], [1, 2, 3]].map((ago) => {
    const next = afterEnd({ ...end, crashes: ago.map((seconds) => now - seconds * 1000) });
    return next.kind === 'restart' ? next.delayMs : next.kind;
  });
  assert.deepEqual(delays, [0, 500, 1000, 2000]);
});

test('the delay varies by a quarter in both directions', () => {
  const delay = (random: number) => {
    const next = afterEnd({ ...end, crashes: [now - 1], random });
    return next.kind === 'restart' ? next.delayMs : next.kind;
  };
  assert.deepEqual([delay(0), delay(1)], [375, 625]);
});

test('the fifth crash in five minutes is the last', () => {
  const crashes = [4, 3, 2, 1].map((minutes) => now - minutes * 60_000);
  assert.deepEqual(afterEnd({ ...end, crashes }), {
    kind: 'failed',
    loop: true,
    crashes: [...crashes, now],
    kills: [],
  });
});

test('crashes of more than five minutes ago are forgotten', () => {
  const crashes = [9, 8, 7, 5].map((minutes) => now - minutes * 60_000);
  assert.deepEqual(afterEnd({ ...end, crashes }), { kind: 'restart', delayMs: 0, crashes: [now], kills: [] });
});

test('crashes in the future, after the clock was set back, do not count', () => {
  assert.deepEqual(afterEnd({ ...end, crashes: [now + 1, now + 2, now + 3, now + 4] }), {
    kind: 'restart',
    delayMs: 0,
    crashes: [now],
    kills: [],
  });
});

test('a clean exit is final, except with the policy always', () => {
  assert.equal(afterEnd({ ...end, kind: 'clean' }).kind, 'stopped');
  assert.equal(afterEnd({ ...end, kind: 'clean', policy: 'never' }).kind, 'stopped');
  assert.equal(afterEnd({ ...end, kind: 'clean', policy: 'always' }).kind, 'restart');
});

test('with the policy never, the first failure is the last', () => {
  assert.deepEqual(afterEnd({ ...end, policy: 'never' }), {
    kind: 'failed',
    loop: false,
    crashes: [now],
    kills: [],
  });
});

// Many kills from outside left healthy workers failed.
test('kills from outside never lead to failed: each delay is longer, up to half a minute', () => {
  const kills: number[] = [];
  const delays = Array.from({ length: 20 }, (_, index) => {
    const next = afterEnd({ ...end, kind: 'kill', kills, now: now + index });
    kills.push(now + index);
    return next.kind === 'restart' ? next.delayMs : next.kind;
  });
  assert.deepEqual(delays.slice(0, 8), [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
  assert.deepEqual(new Set(delays.slice(8)), new Set([30_000]));
});

test('crashes and kills are counted separately', () => {
  const [crashes, kills] = [[4, 3, 2, 1].map((minutes) => now - minutes * 60_000), [now - 5, now - 4]];
  assert.deepEqual(afterEnd({ ...end, kind: 'kill', crashes, kills }), {
    kind: 'restart',
    delayMs: 1000,
    crashes,
    kills: [...kills, now],
  });
  assert.deepEqual(afterEnd({ ...end, kind: 'crash', crashes: [], kills }), {
    kind: 'restart',
    delayMs: 0,
    crashes: [now],
    kills,
  });
  assert.equal(afterEnd({ ...end, kind: 'crash', crashes, kills }).kind, 'failed');
  assert.equal(afterEnd({ ...end, kind: 'kill', policy: 'never' }).kind, 'failed');
});
