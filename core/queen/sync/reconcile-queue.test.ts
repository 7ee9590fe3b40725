import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReconcileQueue } from './reconcile-queue.ts';

const never = new AbortController().signal;
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

test('a background run ends before a requested job starts, and its end is no error', async () => {
  const reconciling = new ReconcileQueue();
  const order: string[] = [];
  const own = reconciling.run('pi', never, (signal) => untilAborted(signal).finally(() => order.push('own ended')));
  await reconciling.without(['pi', 'box'], async () => {
    order.push('asked for');
    await reconciling.run('pi', never, async () => {
      order.push('never');
    });
    await reconciling.run('lab', never, async () => {
      order.push('elsewhere');
    });
  });
  await own;
  assert.deepEqual(order, ['own ended', 'asked for', 'elsewhere']);
  await reconciling.run('pi', never, async () => {
    order.push('afterwards');
  });
  assert.equal(order.at(-1), 'afterwards');
});

test('the failure of a background run is reported', async () => {
  const work = new ReconcileQueue().run('pi', never, () => Promise.reject(new Error('no')));
  await assert.rejects(work, { message: 'no' });
});
