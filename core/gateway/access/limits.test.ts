import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { AccessKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';
import { UseLimits } from './limits.ts';

const keyWith = (over: Partial<AccessKey>): AccessKey => ({
  id: 'key00001',
  name: 'ci',
  scope: 'infer',
  hashes: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  ...over,
});

const refusal = async (promise: Promise<unknown>): Promise<RbeeError> => {
  const error = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof RbeeError, String(error));
  return error;
};

test('requests beyond the limit of a minute are refused until it is over', async () => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000 });
  try {
    const limits = new UseLimits();
    const key = keyWith({ requestsPerMinute: 2 });
    const headersOf = async (begun: (headers: Record<string, string>) => Promise<unknown>) => {
      const headers: Record<string, string> = {};
      await begun(headers).catch(() => {});
      return headers;
    };
    const used = { 'x-ratelimit-limit-requests': '2', 'x-ratelimit-reset-requests': '60s' };
    for (const remaining of ['1', '0', '0'])
      assert.deepEqual(await headersOf((headers) => limits.begin(key, headers)), {
        ...used,
        'x-ratelimit-remaining-requests': remaining,
      });
    const error = await refusal(limits.begin(key));
    assert.deepEqual([error.code, error.retryAfter], ['RATE_LIMITED', 60]);
    await limits.begin(keyWith({ id: 'key00002', requestsPerMinute: 2 }));
    mock.timers.tick(60_001);
    await limits.begin(key);
  } finally {
    mock.timers.reset();
  }
});

test('tokens count when an answer has ended', async () => {
  const limits = new UseLimits();
  const key = keyWith({ tokensPerMinute: 100 });
  const use = await limits.begin(key);
  assert.ok(use.countsTokens);
  use.end(99);
  use.end(99);
  (await limits.begin(key)).end(5);
  assert.match((await refusal(limits.begin(key))).message, /100 tokens per minute/);
});

test('requests at the same time are limited, and one that ended makes room', async () => {
  const limits = new UseLimits();
  const key = keyWith({ maxConcurrent: 1 });
  const use = await limits.begin(key);
  assert.equal((await refusal(limits.begin(key))).code, 'TOO_MANY_REQUESTS');
  use.end(0);
  (await limits.begin(key)).end(0);
});

test('a refused request takes no place', async () => {
  const limits = new UseLimits();
  const key = keyWith({ maxConcurrent: 2, requestsPerMinute: 1 });
  (await limits.begin(key)).end(0);
  for (let nth = 0; nth < 3; nth++) assert.equal((await refusal(limits.begin(key))).code, 'RATE_LIMITED');
});

test('without a key or limits nothing is counted', async () => {
  const limits = new UseLimits();
  for (const key of [undefined, keyWith({})]) {
    const headers = {};
    (await limits.begin(key, headers)).end(5);
    assert.deepEqual(headers, {});
  }
});
