import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import type { JobEvent } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { JobStore } from './job-store.ts';
import { type JobContext, Jobs } from './jobs.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-jobs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let file = '';
let count = 0;
beforeEach(() => {
  count += 1;
  file = join(folder, `queen-${count}.db`);
});

type Run = (input: unknown, context: JobContext) => Promise<unknown>;

const make = (run: Run, options = {}) => {
  const store = new JobStore(file, options);
  const jobs = new Jobs({ store, run: (_, input, context) => run(input, context) });
  jobs.open();
  return { store, jobs };
};

const all = async (events: AsyncIterable<JobEvent>): Promise<JobEvent[]> => {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
};

const untilAborted: Run = (_, { signal }) =>
  new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('the socket was closed')), { once: true }),
  );

describe('a job', () => {
  it('numbers its events from 1 and ends with one outcome, the same for every reader', async () => {
    const { jobs } = make(async (_, { narrate }) => {
      narrate({ kind: 'step', id: 'a', text: 'working' });
      await new Promise(setImmediate);
      narrate({ kind: 'done', id: 'a' });
      setImmediate(() => narrate({ kind: 'info', text: 'too late' }));
      return { answer: 42 };
    });
    const { id } = jobs.start('status', {});
    const [first, second] = await Promise.all([all(jobs.events(id, 0)), all(jobs.events(id, 0))]);
    assert.deepEqual(
      first.map(({ seq, kind }) => [seq, kind]),
      [
        [1, 'step'],
        [2, 'done'],
        [3, 'result'],
      ],
    );
    assert.deepEqual(second, first);
    await new Promise(setImmediate);
    assert.deepEqual(await all(jobs.events(id, 0)), first, 'from disk, once it has ended');
    assert.deepEqual(
      (await all(jobs.events(id, 1))).map(({ seq }) => seq),
      [2, 3],
    );
    assert.deepEqual(await all(jobs.events(id, 3)), []);
    assert.equal(jobs.get(id).state, 'succeeded');
    assert.deepEqual(jobs.get(id).result, { answer: 42 });
    await jobs.close();
  });

  it('ends with the error that its operation threw', async () => {
    const { jobs } = make(() =>
      Promise.reject(RbeeError.of('MODEL_DEMO_UNAVAILABLE', { type: 'vllm' }, { lines: ['a line'] })),
    );
    const { id } = jobs.start('status', {});
    const [event] = await all(jobs.events(id, 0));
    assert.ok(event?.kind === 'error');
    assert.equal(event.error.code, 'MODEL_DEMO_UNAVAILABLE');
    assert.deepEqual(event.error.lines, ['a line']);
    assert.equal(jobs.get(id).state, 'failed');
    await jobs.close();
  });

  it('is aborted by a cancel and ends as cancelled, whatever its operation then throws', async () => {
    const { jobs } = make(untilAborted);
    const { id } = jobs.start('status', {});
    assert.equal(jobs.cancel(id).state, 'running');
    const [event] = await all(jobs.events(id, 0));
    assert.ok(event?.kind === 'error');
    assert.equal(event.error.code, 'CANCELLED');
    assert.equal(jobs.get(id).state, 'cancelled');
    assert.throws(() => jobs.cancel(id), { code: 'JOB_ENDED' });
    await jobs.close();
  });

  it('continues when a reader leaves', async () => {
    const { jobs } = make(untilAborted);
    const { id } = jobs.start('status', {});
    const controller = new AbortController();
    const reading = all(jobs.events(id, 0, controller.signal));
    controller.abort();
    assert.deepEqual(await reading, []);
    assert.equal(jobs.get(id).state, 'running');
    await jobs.close();
  });

  it('asks, refuses an invalid choice, and continues with the answer', async () => {
    const { jobs } = make((_, { ask }) => ask('trust it?', ['yes', 'no']));
    const { id } = jobs.start('status', {});
    for await (const event of jobs.events(id, 0)) {
      if (event.kind === 'ask') {
        assert.throws(() => jobs.answer(id, 'ask-9', 'yes'), { code: 'INVALID_INPUT' });
        assert.throws(() => jobs.answer(id, event.id, 'perhaps'), { code: 'INVALID_INPUT' });
        jobs.answer(id, event.id, 'yes');
      } else assert.ok(event.kind === 'result' && event.result === 'yes');
    }
    assert.throws(() => jobs.answer(id, 'ask-1', 'yes'), { code: 'JOB_ENDED' });
    await jobs.close();
  });

  it('marks a question for a secret, and reveals its answer to no reader', async () => {
    const { jobs, store } = make(async (_, { ask }) => (await ask('The passphrase?', undefined, true)).length);
    const { id } = jobs.start('status', {});
    for await (const event of jobs.events(id, 0)) {
      if (event.kind !== 'ask') continue;
      assert.equal(event.secret, true);
      jobs.answer(id, event.id, 'hunter2');
    }
    store.flush();
    assert.equal(jobs.get(id).result, 7);
    assert.doesNotMatch(JSON.stringify([jobs.get(id), store.events(id, 0)]), /hunter2/);
    await jobs.close();
  });

  it('is the same job for the same idempotency key, and a conflict for another request', async () => {
    const { jobs } = make(async () => 'done');
    const first = jobs.start('infer', { model: 'a', prompt: 'b' }, 'key');
    assert.equal(jobs.start('infer', { prompt: 'b', model: 'a' }, 'key').id, first.id);
    await all(jobs.events(first.id, 0));
    assert.equal(jobs.start('infer', { model: 'a', prompt: 'b' }, 'key').id, first.id);
    assert.throws(() => jobs.start('infer', { model: 'a', prompt: 'c' }, 'key'), { code: 'IDEMPOTENCY_KEY_REUSED' });
    assert.notEqual(jobs.start('infer', { model: 'a', prompt: 'c' }).id, first.id);
    await jobs.close();
  });

  // A job used to be written with the next batch: if the queen was killed before that, the client had an unknown id.
  it('is known to the next queen as soon as it is accepted', async () => {
    const killed = make(untilAborted);
    const { id } = killed.jobs.start('infer', { model: 'a', prompt: 'b' }, 'key');
    const next = make(untilAborted);
    assert.equal(next.jobs.get(id).error?.code, 'QUEEN_RESTARTED');
    assert.equal(next.jobs.start('infer', { model: 'a', prompt: 'b' }, 'key').id, id);
    await next.jobs.close();
    await killed.jobs.close();
  });

  it('that does not exist is JOB_NOT_FOUND', async () => {
    const { jobs } = make(async () => null);
    assert.throws(() => jobs.get('job-x'), { code: 'JOB_NOT_FOUND' });
    assert.throws(() => jobs.events('job-x', 0), { code: 'JOB_NOT_FOUND' });
    assert.throws(() => jobs.cancel('job-x'), { code: 'JOB_NOT_FOUND' });
    await jobs.close();
  });

  it('ends as QUEEN_RESTARTED if its queen closed or died', async () => {
    const closing = make(untilAborted);
    const { id } = closing.jobs.start('status', {});
    await closing.jobs.close();

    const store = new JobStore(file);
    const died = {
      ...store.get(id)!,
      id: 'job-dead',
      state: 'running' as const,
      endedAt: null,
      error: null,
      key: null,
    };
    store.save(died);
    store.append('job-dead', 1, JSON.stringify({ kind: 'info', text: 'begun', seq: 1, at: died.createdAt }));
    store.close();

    const { jobs } = make(untilAborted);
    assert.equal(jobs.get(id).error?.code, 'QUEEN_RESTARTED');
    const events = await all(jobs.events('job-dead', 0));
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['info', 'error'],
    );
    // A reader that had received more events than were on disk when the queen was killed used to mistake the outcome for an
    // event that it knew, and wait forever.
    const seen = 50_000;
    assert.deepEqual(
      (await all(jobs.events('job-dead', seen))).map(({ seq, kind }) => [seq > seen, kind]),
      [[true, 'error']],
    );
    assert.equal(jobs.get('job-dead').state, 'failed');
    await jobs.close();
  });
});

describe('the job store', () => {
  it('renames a damaged database and creates a new one', () => {
    writeFileSync(file, 'this is not a database, and never was one'.repeat(100));
    const said: string[] = [];
    const store = new JobStore(file, { log: (message) => said.push(message) });
    assert.deepEqual(store.list(10), []);
    store.close();
    assert.ok(readdirSync(folder).some((name) => name.startsWith(`queen-${count}.db.corrupt-`)));
    assert.match(said[0] ?? '', /damaged/);
  });

  it('is readable by its owner only', () => {
    new JobStore(file).close();
    assert.equal(statSync(file).mode & 0o077, 0);
  });

  it('reports the problem if its folder is not writable', () => {
    assert.throws(() => new JobStore(join(folder, 'no-such-folder', 'queen.db')), { code: 'STATE_UNWRITABLE' });
    assert.ok(!existsSync(join(folder, 'no-such-folder')));
  });

  it('removes the oldest jobs beyond its limits, with their events', async () => {
    const { jobs, store } = make(async (_, { narrate }) => narrate({ kind: 'info', text: 'hello' }), { keepJobs: 2 });
    const ids: string[] = [];
    for (let job = 0; job < 4; job++) {
      const { id } = jobs.start('status', {});
      await all(jobs.events(id, 0));
      ids.push(id);
      // Two jobs of the same millisecond have no order.
      while (new Date().toISOString() === jobs.get(id).createdAt) await new Promise(setImmediate);
    }
    store.prune(Date.now());
    assert.deepEqual(
      jobs.list(10).map(({ id }) => id),
      ids.slice(2).reverse(),
    );
    assert.deepEqual(store.events(ids[0]!, 0), []);
    store.prune(Date.now() + 8 * 24 * 3_600_000);
    assert.deepEqual(jobs.list(10), []);
    await jobs.close();
  });
});
