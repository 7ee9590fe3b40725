import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunRecords } from '../../lifecycle/process/run-records.ts';
import { eventually, tempFolder } from '../../lifecycle/process/testing.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import { fakeDraft, type TestWorkers, testWorkers, workersIn } from './testing.ts';

/** How many at once, and how often. */
const [callers, rounds] = [20, 5];
/** A record that is just being written has a temporary file beside it. */
const recordsIn = (runs: string): string[] =>
  existsSync(runs) ? readdirSync(runs).filter((name) => name.endsWith('.json')) : [];
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// A deletion acted on whichever worker had the id by then: engines kept running unlisted, without a record.
test('concurrent spawns and deletions of one id leave no unlisted engine', async (t) => {
  const { workers, engines, spawn, remove, runs } = await testWorkers(t, {
    prepare: async (spec) => {
      await after(spec.options?.['prepareMs'] as number);
      return fakeDraft(spec);
    },
  });
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        for (const action of ['spawn', 'remove', 'spawn', 'remove', 'spawn']) {
          await after((caller * 17 + round) % 23);
          const error = action === 'spawn' ? await spawn('same', { prepareMs: caller }) : await remove('same');
          if (error) assert.match(error.code, /^(INVALID_INPUT|CANCELLED|WORKER_NOT_FOUND)$/, error.message);
        }
      }),
    );
    const listed = workers.list();
    assert.deepEqual(
      await engines('same'),
      listed.map(({ pid }) => pid),
    );
    assert.deepEqual(
      recordsIn(runs),
      listed.map(({ id }) => `${id}.json`),
    );
  }
  await remove('same');
  assert.deepEqual([await engines('same'), recordsIn(runs)], [[], []]);
});

// The second deletion ended late, and removed the next worker with that id from the list and its record from the disk.
test('a deletion that ends late does not touch the next worker of that id', async (t) => {
  const gate = Promise.withResolvers<void>();
  class SlowRecords extends RunRecords {
    #removals = 0;
    override async remove(...args: Parameters<RunRecords['remove']>): Promise<void> {
      if (this.#removals++ === 1) await gate.promise;
      await super.remove(...args);
    }
  }
  const folder = await tempFolder(t);
  const records = new SlowRecords(join(folder, 'runs'));
  const { workers, engines, spawn, remove, runs } = await workersIn(t, folder, { records });
  await spawn('one');
  const [first, second] = [remove('one'), remove('one')];
  await first;
  assert.equal(await spawn('one'), null);
  const pid = workers.get('one').process.view.pid;
  gate.resolve();
  await second;
  assert.deepEqual(
    workers.list().map((worker) => worker.pid),
    [pid],
  );
  assert.deepEqual([await engines('one'), recordsIn(runs)], [[pid], ['one.json']]);
  await workers.delete('one', { signal: new AbortController().signal, narrate: () => {}, now: true });
});

// Both checked before either existed, and both were prepared.
test('of two spawns of one id the second is refused before anything is prepared for it', async (t) => {
  const gate = Promise.withResolvers<void>();
  let prepared = 0;
  const { spawn } = await testWorkers(t, {
    prepare: async (spec) => {
      prepared += 1;
      await gate.promise;
      return fakeDraft(spec);
    },
  });
  const first = spawn('one');
  const second = spawn('one');
  setImmediate(() => gate.resolve());
  assert.deepEqual([(await second)?.code, await first, prepared], ['INVALID_INPUT', null, 1]);
});

/** Leaves its workers running, as a hive does that ends. */
const leave = async ({ workers, spawn, folder }: TestWorkers, ...ids: string[]) => {
  for (const id of ids) assert.equal(await spawn(id), null);
  const pids = Object.fromEntries(workers.list().map(({ id, pid }) => [id, pid]));
  await workers.close();
  return { pids, record: (id: string) => join(folder, 'runs', `${id}.json`) };
};

// They were renamed without a message, and the engines kept running unlisted.
test('engines with a garbled, empty or invalid record are reported, and the others are taken over', async (t) => {
  const first = await testWorkers(t);
  const { pids, record } = await leave(first, 'whole', 'torn', 'empty', 'strange', 'lost');
  writeFileSync(record('torn'), readFileSync(record('torn'), 'utf8').slice(0, 200));
  writeFileSync(record('empty'), '');
  const strange = JSON.parse(readFileSync(record('strange'), 'utf8'));
  writeFileSync(record('strange'), JSON.stringify({ ...strange, data: { spec: 5 } }));
  rmSync(record('lost'));
  const { workers, problems, engines } = await workersIn(t, first.folder);
  await workers.start();
  assert.deepEqual(
    workers.list().map(({ id, pid }) => [id, pid]),
    [['whole', pids['whole']]],
  );
  for (const id of ['torn', 'empty', 'strange', 'lost']) {
    assert.deepEqual(await engines(id), [pids[id]], 'it is not ended without a request');
    const engine = new RegExp(`an engine of worker ${id} runs \\(pid ${pids[id]}\\) and no record names it`);
    assert.match(problems.join('\n'), engine);
    if (id !== 'lost')
      assert.match(problems.join('\n'), new RegExp(`the record of worker ${id} cannot be read: .*corrupt`));
  }
  assert.doesNotMatch(problems.join('\n'), /worker whole/);
});

// The hive was killed after it reported the worker as ready and before the record said so: the next hive took the worker
// for a failed spawn.
test('a spawn succeeds only when the record of the worker says so', async (t) => {
  const { runs, spawn, workers } = await testWorkers(t);
  assert.equal(await spawn('one'), null);
  const { pid, readyAt, kept } = JSON.parse(readFileSync(join(runs, 'one.json'), 'utf8'));
  assert.deepEqual([pid, kept], [workers.get('one').process.view.pid, true]);
  assert.match(readyAt, /^\d{4}-/);
});

// `worker restart` saves the record before there is a process. When the hive died then, the next one took the worker for an
// unfinished spawn.
test('a worker whose hive died during its restart is kept, one that was never ready is not', async (t) => {
  const first = await testWorkers(t);
  const { pids, record } = await leave(first, 'again', 'new');
  for (const id of ['again', 'new']) {
    const written = JSON.parse(readFileSync(record(id), 'utf8'));
    const beforeItsProcess = { ...written, nonce: 'f'.repeat(32), pid: null, readyAt: null };
    if (id === 'new') delete beforeItsProcess.kept;
    writeFileSync(record(id), JSON.stringify(beforeItsProcess));
    process.kill(pids[id]!, 'SIGKILL');
  }
  const { workers } = await workersIn(t, first.folder);
  await workers.start();
  assert.deepEqual(
    workers.list().map(({ id }) => id),
    ['again'],
  );
  await eventually(() => workers.get('again').process.view.state === 'ready');
});

// A slow client stopped, restarted or deleted a worker that it had never seen, because it had the same id.
test('a change of a worker does not touch a later worker with its id', async (t) => {
  const { workers, spawn, remove } = await testWorkers(t);
  await spawn('one');
  const [first] = workers.list();
  await remove('one');
  await spawn('one');
  const [second] = workers.list();
  assert.notEqual(first?.uid, second?.uid);
  const call = () => ({ signal: new AbortController().signal, narrate: () => {}, now: true, uid: first?.uid });
  for (const change of ['stop', 'restart', 'delete', 'startAgain', 'sleep', 'wake'] as const) {
    await assert.rejects(workers[change]('one', call()), { code: 'WORKER_NOT_FOUND', message: /another worker/ });
  }
  assert.deepEqual(
    workers.list().map(({ uid, state, pid }) => [uid, state, pid]),
    [[second?.uid, 'ready', second?.pid]],
  );
  await workers.stop('one', { ...call(), uid: second?.uid });
  await remove('one');
});

// It was restarted with the command of the new code and everything else from the old code.
test('a worker that crashes after an edit of its linked plugin starts completely from the new code', async (t) => {
  let looks = 'before';
  const seen: (string | undefined)[] = [];
  const handle = {
    get looks() {
      return looks;
    },
    command: async ({ port }: { port: number }) => ({ args: ['--port', String(port)], env: {} }),
    diagnose: async () => undefined,
  };
  const { workers, spawn } = await testWorkers(t, {
    handleOf: async () => handle as unknown as WorkerTypeHandle,
    prepare: async (spec, { was }) => {
      seen.push(was?.pluginLooks);
      return { ...fakeDraft(spec), pluginLooks: looks, options: { state: looks } };
    },
  });
  assert.equal(await spawn('edited'), null);
  const { pid } = workers.get('edited').view();
  looks = 'after';
  process.kill(pid ?? 0, 'SIGKILL');
  await eventually(async () => {
    const view = workers.get('edited').view();
    return view.state === 'ready' && view.pid !== pid;
  }, 'another process');
  assert.deepEqual(workers.get('edited').view().options, { state: 'after' });
  assert.deepEqual(seen, [undefined, 'before']);
});
