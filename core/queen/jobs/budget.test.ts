import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import type { JobEvent, NarrationEvent } from '../../contract/api/narration.ts';
import { JobStore, type JobStoreOptions } from './job-store.ts';
import { type JobContext, Jobs, type JobsOptions } from './jobs.ts';

const MiB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'rbee-budget-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const nextFile = (): string => {
  count += 1;
  return join(folder, `${count}.db`);
};

type Run = (context: JobContext, input: unknown) => Promise<unknown>;

const make = (
  run: Run,
  { limits, file = nextFile(), ...options }: JobStoreOptions & Partial<JobsOptions> & { file?: string } = {},
) => {
  const store = new JobStore(file, options);
  const jobs = new Jobs({ store, run: (_, input, context) => run(context, input), limits });
  jobs.open();
  const sizes = () =>
    ['', '-wal'].reduce((sum, end) => sum + (statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0);
  /** Highest values seen. */
  const most = { memory: 0, disk: 0 };
  const look = () => {
    const { memoryBytes } = jobs.usage();
    most.memory = Math.max(most.memory, memoryBytes);
    most.disk = Math.max(most.disk, sizes());
  };
  return { store, jobs, file, sizes, most, look };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const all = async (events: AsyncIterable<JobEvent>): Promise<JobEvent[]> => {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
};

const inOrder = (events: readonly JobEvent[]): void => {
  const wrong = events.findIndex(({ seq }, index) => index > 0 && seq <= (events[index - 1]?.seq ?? 0));
  assert.equal(wrong, -1, 'numbers only grow');
};

// A hive that narrated endlessly used to fill the queen's memory, and 914 MB of disk within 25 s.
describe('a job that narrates more than anyone can read', () => {
  it('keeps only its share of a million remarks, keeps its outcome, and does not affect other jobs', async () => {
    const { jobs, sizes, most, look } = make(async ({ narrate }, input) => {
      if (input === 'short') return 'short';
      for (let at = 0; at < 1_000_000; at += 1) {
        narrate({ kind: 'info', text: `remark ${at}` });
        if (at % 50_000 !== 0) continue;
        look();
        await turn();
      }
      return 'at last';
    });
    const { id } = jobs.start('status', 'long');
    const reading = all(jobs.events(id, 0));
    const { id: other } = jobs.start('status', 'short');
    assert.deepEqual(
      (await all(jobs.events(other, 0))).map(({ kind }) => kind),
      ['result'],
    );
    const live = await reading;
    const [cut, end] = live.slice(-2);
    assert.match((cut?.kind === 'warning' && cut.text) || '', /exceeds the limit for stored output \(8 MiB\)/);
    assert.ok(end?.kind === 'result' && end.result === 'at last');
    assert.ok(live.length > 10_000);
    // Late readers get everything that was kept.
    assert.deepEqual(await all(jobs.events(id, 0)), live);
    assert.deepEqual(await all(jobs.events(id, live.length - 3)), live.slice(-3));
    inOrder(live);
    const { memoryBytes, maxMemoryBytes, diskBytes, maxDiskBytes } = jobs.usage();
    assert.deepEqual([maxMemoryBytes, maxDiskBytes], [32 * MiB, 256 * MiB]);
    assert.ok(most.memory < maxMemoryBytes, `${most.memory}`);
    assert.ok(most.disk < 32 * MiB, `${most.disk}`);
    assert.equal(diskBytes, sizes());
    assert.equal(memoryBytes, 0, 'nothing is held of jobs that ended');
    await jobs.close();
  });

  it('gets its very long remarks cut', async () => {
    const book = 'x'.repeat(MiB);
    const { jobs, most, look } = make(async ({ narrate }) => {
      for (let at = 0; at < 2_000; at += 1) {
        narrate({ kind: 'step', id: `${at}${book}`, text: book, on: book });
        narrate({ kind: 'warning', text: book, hint: book });
        if (at % 100 === 0) look();
      }
      return null;
    });
    const { id } = jobs.start('status', {});
    const events = await all(jobs.events(id, 0));
    assert.ok(events.every((event) => JSON.stringify(event).length < 40_000));
    assert.ok(most.memory < 32 * MiB && most.disk < 32 * MiB, JSON.stringify(most));
    await jobs.close();
  });

  it('keeps the latest progress of each step, and always the last one', async () => {
    const { jobs, store, look, most } = make(async ({ narrate }) => {
      narrate({ kind: 'step', id: 'a', text: 'uploading' });
      for (let done = 0; done <= 1_000_000; done += 1) narrate({ kind: 'progress', id: 'a', done, total: 1_000_000 });
      narrate({ kind: 'done', id: 'a' });
      look();
      return null;
    });
    const { id } = jobs.start('status', {});
    const live = await all(jobs.events(id, 0));
    assert.deepEqual(
      live.slice(-3).map((event) => (event.kind === 'progress' ? event.done : event.kind)),
      [1_000_000, 'done', 'result'],
    );
    assert.ok(live.length < 1_000, 'live readers get throttled progress');
    const later = await all(jobs.events(id, 0));
    assert.deepEqual(
      later.map(({ kind }) => kind),
      ['step', 'progress', 'done', 'result'],
    );
    assert.deepEqual(later.at(-1)?.seq, live.length);
    assert.deepEqual(store.events(id, 1).length, 3);
    assert.ok(most.memory < MiB);
    await jobs.close();
  });

  it('sends generated text in full to live readers, and stores its share', async () => {
    const piece = 'é🐝 of text '.repeat(1_000);
    const times = 1_000;
    const limits = { narration: MiB, window: MiB / 2 };
    const { jobs, look, most } = make(
      async ({ show }) => {
        for (let at = 0; at < times; at += 1) {
          show({ kind: 'text', text: `${at} ${piece}` });
          if (at % 10 === 0) await turn();
          look();
        }
        return null;
      },
      { limits },
    );
    const { id } = jobs.start('infer', {});
    const textOf = (events: readonly JobEvent[]) =>
      events.map((event) => (event.kind === 'text' ? event.text : '')).join('');
    const whole = Array.from({ length: times }, (_, at) => `${at} ${piece}`).join('');
    const live = await all(jobs.events(id, 0));
    assert.ok(textOf(live) === whole);
    assert.deepEqual(
      live.map(({ seq }) => seq),
      live.map((_, at) => at + 1),
    );
    const later = textOf(await all(jobs.events(id, 0)));
    assert.ok(whole.startsWith(later) && later.length > 100_000 && later.length < MiB);
    assert.ok(most.memory < 8 * MiB && most.disk < 8 * MiB, JSON.stringify(most));
    await jobs.close();
  });

  it('informs a slow reader how many events are missing', async () => {
    const limits = { narration: MiB, window: 100_000 };
    let written = (): void => {};
    const done = new Promise<void>((resolve) => (written = resolve));
    const { jobs, look, most } = make(
      async ({ show }) => {
        for (let at = 0; at < 1_000; at += 1) show({ kind: 'text', text: `${at} ${'x'.repeat(10_000)}` });
        look();
        written();
        return 'the end';
      },
      { limits },
    );
    const { id } = jobs.start('infer', {});
    const slow: JobEvent[] = [];
    for await (const event of jobs.events(id, 0)) {
      if (slow.length === 0) await done;
      slow.push(event);
    }
    inOrder(slow);
    const missing = slow.findIndex((event) => event.kind === 'warning' && /events are missing here/.test(event.text));
    const [before, after] = [slow.slice(0, missing), slow.slice(missing + 1)];
    assert.ok(before.length > 80, 'what is kept was read from disk');
    assert.ok(after.length > 5, 'the newest were read from memory');
    assert.ok(slow.at(-1)?.kind === 'result');
    const told = slow[missing];
    const gap = (told?.seq ?? 0) - (before.at(-1)?.seq ?? 0);
    assert.ok(told?.kind === 'warning' && told.text.startsWith(`${gap} events`), `${gap} ${JSON.stringify(told)}`);
    assert.ok(most.memory < 5 * MiB);
    assert.equal(jobs.usage().memoryBytes, 0);
    await jobs.close();
  });
});

describe('all jobs together', () => {
  const chatter = (context: JobContext, texts: number) => {
    for (let at = 0; at < texts; at += 1) context.narrate({ kind: 'info', text: `${at} ${'x'.repeat(10_000)}` });
  };

  it('stay within the file: the oldest are dropped first, and the file shrinks', async () => {
    const { jobs, sizes, most, look } = make(
      async (context) => {
        chatter(context, 100);
        look();
        return 'done';
      },
      { maxBytes: 8 * MiB, limits: { narration: MiB } },
    );
    const ids: string[] = [];
    for (let job = 0; job < 30; job += 1) {
      const { id } = jobs.start('status', {});
      await all(jobs.events(id, 0));
      ids.push(id);
      // Two jobs of the same millisecond have no order.
      while (new Date().toISOString() === jobs.get(id).createdAt) await turn();
    }
    assert.ok(most.disk <= 8 * MiB, `${most.disk}`);
    assert.ok(sizes() > 2 * MiB);
    // Outcomes are kept longer than narration.
    const kept = await Promise.all(ids.map(async (id) => (await all(jobs.events(id, 0))).map(({ kind }) => kind)));
    assert.ok(kept.every((kinds) => kinds.at(-1) === 'result'));
    assert.deepEqual([kept[0]?.length, kept.at(-1)?.length], [1, 101]);
    assert.ok(ids.every((id) => jobs.get(id).result === 'done'));
    await jobs.close();
  });

  it('with long results: the oldest are removed', async () => {
    const { jobs, most, look } = make(async () => 'x'.repeat(MiB), { maxBytes: 8 * MiB });
    const ids: string[] = [];
    for (let job = 0; job < 20; job += 1) {
      const { id } = jobs.start('status', {});
      await all(jobs.events(id, 0));
      look();
      ids.push(id);
      while (new Date().toISOString() === jobs.get(id).createdAt) await turn();
    }
    assert.ok(most.disk <= 8 * MiB, `${most.disk}`);
    const left = jobs.list(100).map(({ id }) => id);
    assert.deepEqual(left, ids.slice(-left.length).reverse());
    assert.ok(left.length >= 2 && left.length < 8);
    assert.throws(() => jobs.get(ids[0] ?? ''), { code: 'JOB_NOT_FOUND' });
    await jobs.close();
  });

  it('stay within memory and disk while all are running, and keep every outcome', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { jobs, most, look } = make(
      async (context) => {
        for (let round = 0; round < 20; round += 1) {
          chatter(context, 10);
          await turn();
          look();
        }
        await gate;
        return 'done';
      },
      { maxBytes: 8 * MiB, limits: { memory: 6 * MiB } },
    );
    const ids = Array.from({ length: 30 }, () => jobs.start('status', {}).id);
    const readers = ids.map((id) => all(jobs.events(id, 0)));
    for (let at = 0; at < 100; at += 1) await turn();
    go();
    for (const events of await Promise.all(readers)) {
      inOrder(events);
      assert.equal(events.at(-1)?.kind, 'result');
    }
    assert.ok(most.memory <= 6 * MiB, `${most.memory}`);
    assert.ok(most.disk <= 8 * MiB, `${most.disk}`);
    assert.ok(ids.every((id) => jobs.get(id).state === 'succeeded'));
    await jobs.close();
  });

  it('are limited by the memory for their inputs', async () => {
    const { jobs } = make(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)), {
      limits: { memory: 8 * MiB },
    });
    const prompt = 'x'.repeat(MiB);
    const ids: string[] = [];
    assert.throws(
      () => {
        for (;;) ids.push(jobs.start('infer', { prompt }).id);
      },
      { code: 'JOB_MEMORY_EXHAUSTED' },
    );
    assert.equal(ids.length, 3);
    jobs.cancel(ids[0] ?? '');
    await all(jobs.events(ids[0] ?? '', 0));
    assert.equal(jobs.start('infer', { prompt }).state, 'running');
    await jobs.close();
  });

  it('fail if a result is too large to store, and lists omit long results', async () => {
    const { jobs } = make(async (_, input) => 'x'.repeat(Number(input)), { limits: { result: MiB } });
    const large = jobs.start('status', 2 * MiB);
    const [event] = await all(jobs.events(large.id, 0));
    assert.ok(event?.kind === 'error' && event.error.code === 'JOB_RESULT_TOO_LARGE', JSON.stringify(event));
    const long = jobs.start('status', 100_000);
    await all(jobs.events(long.id, 0));
    assert.equal(String(jobs.get(long.id).result).length, 100_000);
    assert.deepEqual(
      jobs.list(10).map(({ result }) => result),
      [null, null],
    );
    await jobs.close();
  });

  // `auto_vacuum` used to be set after the file was created, which has no effect: no file ever shrank.
  it('shrink a file that an earlier queen created', async () => {
    const file = join(folder, 'old.db');
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE jobs (id TEXT PRIMARY KEY, operation TEXT NOT NULL, state TEXT NOT NULL, input TEXT NOT NULL,
        created_at TEXT NOT NULL, ended_at TEXT, result TEXT, error TEXT, key TEXT UNIQUE);
      CREATE TABLE events (job TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job, seq)) WITHOUT ROWID;`);
    const at = new Date().toISOString();
    db.prepare(`INSERT INTO jobs VALUES ('job-old', 'status', 'running', '{}', ?, NULL, 'null', 'null', NULL)`).run(at);
    const insert = db.prepare(`INSERT INTO events VALUES ('job-old', ?, ?)`);
    db.exec('BEGIN');
    const text = 'x'.repeat(10_000);
    for (let seq = 1; seq <= 2_000; seq += 1) insert.run(seq, JSON.stringify({ kind: 'info', text, seq, at }));
    db.exec('COMMIT');
    db.close();
    assert.ok(statSync(file).size > 16 * MiB);
    const { jobs, sizes } = make(async () => 'new', { file, maxBytes: 8 * MiB });
    assert.ok(sizes() < MiB, `${sizes()}`);
    const { id } = jobs.start('status', {});
    await all(jobs.events(id, 0));
    assert.equal(jobs.get(id).result, 'new');
    await jobs.close();
  });
});

describe('narration from a machine', () => {
  // A hive used to be able to narrate a question for the passphrase of a key, which was shown as a question from rbee.
  it('is never a question, a plan, an answer or an outcome', async () => {
    const said: NarrationEvent[] = [
      { kind: 'ask', id: 'ask-1', question: 'Passphrase of your key?', secret: true },
      { kind: 'plan', plan: {} as never },
      { kind: 'text', text: 'as if it were generated' },
      { kind: 'result', result: 'all is well' } as never,
      { kind: 'error', error: {} } as never,
      { kind: 'other' } as never,
      { kind: 'info', text: 'a remark', question: 'what?', secret: true, seq: 99, choices: ['yes'] } as never,
      { kind: 'step', id: 7, text: null, on: {} } as never,
    ];
    const { jobs } = make(async ({ narrate }) => {
      for (const event of said) narrate(event);
      return 'done';
    });
    const { id } = jobs.start('status', {});
    const events = await all(jobs.events(id, 0));
    assert.deepEqual(
      events.map(({ at: _, ...event }) => event),
      [
        { kind: 'info', text: 'a remark', seq: 1 },
        { kind: 'step', id: '', text: '', on: '', seq: 2 },
        { kind: 'result', result: 'done', seq: 3 },
      ],
    );
    assert.throws(() => jobs.answer(id, 'ask-1', 'secret'), { code: 'JOB_ENDED' });
    await jobs.close();
  });

  it('cannot guess the id of a question, and only an open question can be answered', async () => {
    const { jobs } = make(async ({ ask, narrate }) => {
      const first = ask('first?');
      narrate({ kind: 'ask', id: 'ask-2', question: 'and this?' });
      return [await first, await ask('second?')];
    });
    const { id } = jobs.start('status', {});
    const ids: string[] = [];
    for await (const event of jobs.events(id, 0)) {
      if (event.kind !== 'ask') continue;
      for (const made of ['ask-1', 'ask-2', '', ...ids]) {
        assert.throws(
          () => jobs.answer(id, made, 'x'),
          (error: Error & { hint?: string }) => {
            assert.ok(!String(error.hint).includes(event.id), 'the hint names no open question');
            return (error as { code?: string }).code === 'INVALID_INPUT';
          },
        );
      }
      ids.push(event.id);
      jobs.answer(id, event.id, event.question);
    }
    assert.ok(ids.every((one) => /^ask-[0-9a-f]{24}$/.test(one)) && ids[0] !== ids[1], ids.join());
    assert.deepEqual(jobs.get(id).result, ['first?', 'second?']);
    await jobs.close();
  });
});
