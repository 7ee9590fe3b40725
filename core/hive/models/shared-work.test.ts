import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedWork } from './shared-work.ts';

const never = () => new AbortController().signal;

test('work requested twice runs once, and both callers receive its progress', async () => {
  const shared = new SharedWork<number>();
  const end = Promise.withResolvers<number>();
  let begun = 0;
  const work = async (_: AbortSignal, tell: (done: number) => void) => {
    begun += 1;
    tell(1);
    const result = await end.promise;
    tell(2);
    return result;
  };
  const heard: number[][] = [[], []];
  const first = shared.join('a', work, { signal: never(), onProgress: (done) => heard[0]?.push(done) });
  await Promise.resolve();
  const second = shared.join('a', work, { signal: never(), onProgress: (done) => heard[1]?.push(done) });
  assert.ok(shared.has('a'));
  end.resolve(7);
  assert.deepEqual(await Promise.all([first, second]), [7, 7]);
  assert.equal(begun, 1);
  for (const list of heard) assert.equal(list.at(-1), 2);
  assert.ok(!shared.has('a'));
});

test('the work is cancelled when the last caller leaves, and the next caller restarts it once it has ended', async () => {
  const shared = new SharedWork<string>();
  const cancelled = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const work = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => cancelled.resolve(), { once: true });
    return ended.promise;
  };
  const leaving = [new AbortController(), new AbortController()];
  const joined = leaving.map(({ signal }) => shared.join('a', work, { signal }));
  leaving[0]?.abort(new Error('one'));
  await assert.rejects(joined[0] as Promise<string>, /one/);
  leaving[1]?.abort(new Error('two'));
  await cancelled.promise;
  let begun = false;
  const anew = async () => {
    begun = true;
    return 'anew';
  };
  const next = shared.join('a', anew, { signal: never() });
  await new Promise(setImmediate);
  assert.ok(!begun, 'the cancelled one still holds what it needs');
  ended.reject(new Error('cancelled'));
  await assert.rejects(joined[1] as Promise<string>, /two/);
  assert.equal(await next, 'anew');
});

test('a caller with an aborted signal starts nothing', async () => {
  const shared = new SharedWork<void>();
  const work = async () => assert.fail('it was started');
  await assert.rejects(shared.join('a', work, { signal: AbortSignal.abort(new Error('gone')) }), /gone/);
});
