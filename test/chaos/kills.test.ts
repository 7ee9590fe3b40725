/**
 * Queen and hive are killed with SIGKILL at random moments while five workers stream. No worker may end, no stream may
 * lose a token, and the list must be right again each time. At full scale: 100 kills of each.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createHome, kill, killAndWait, type TestHome } from '../harness/home.ts';
import { firstGap, readTokens, type StreamReader, workerKey } from '../harness/streams.ts';
import { scaled, until } from '../harness/until.ts';

const workerCount = 5;
const kills = scaled(100, 1);

interface Worker {
  id: string;
  pid: number;
  port: number;
  state: string;
  model: string;
}

const spawnStreaming = async (home: TestHome): Promise<Worker[]> => {
  const args = `args=${JSON.stringify(['--endless', '--token-interval', '5'])}`;
  await Promise.all(
    Array.from({ length: workerCount }, (_, index) =>
      home.json([
        'worker',
        'spawn',
        '--type',
        'fake',
        '--device',
        'cpu',
        '--name',
        `stream-${index}`,
        '--option',
        args,
      ]),
    ),
  );
  return list(home);
};

const list = async (home: TestHome): Promise<Worker[]> => (await home.json(['worker', 'list'])).workers;

const same = (a: readonly Worker[], b: readonly Worker[]): boolean => {
  const facts = (workers: readonly Worker[]) =>
    JSON.stringify(workers.map(({ id, pid, port, state }) => [id, pid, port, state]));
  return facts(a) === facts(b);
};

const expectWhole = (streams: readonly StreamReader[]): void => {
  for (const [index, stream] of streams.entries()) {
    assert.equal(stream.ended, null, `stream ${index} ended after ${stream.numbers.length} tokens`);
    assert.ok(stream.numbers.length > 0, `stream ${index} gave no token`);
    assert.equal(firstGap(stream.numbers), -1, `stream ${index} has a gap`);
  }
};

/** Waits until each stream has gone on: tokens from before a kill do not count. */
const goneOn = (streams: readonly StreamReader[]): Promise<unknown> => {
  const counts = streams.map((stream) => stream.numbers.length);
  return until(
    () => streams.every((stream, index) => stream.ended !== null || stream.numbers.length > (counts[index] ?? 0)),
    {
      what: 'another token of each stream',
    },
  );
};

/** NaN while there is no such file. */
const pidIn = (file: string): number => {
  try {
    return Number(readFileSync(file, 'utf8').trim() || Number.NaN);
  } catch {
    return Number.NaN;
  }
};

const listens = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** A moment that differs from kill to kill but is the same in each run. */
const moment = (index: number): Promise<void> => delay((index * 37) % 250);

describe('kill -9 of a queen with the hive inside', () => {
  const home = createHome();
  after(() => home.close());

  test(`${kills} kills: same workers, unbroken streams, correct list, no orphans`, async () => {
    const workers = await spawnStreaming(home);
    assert.equal(workers.length, workerCount);
    const streams = workers.map((worker) =>
      readTokens(`http://127.0.0.1:${worker.port}`, worker.model, workerKey(home, worker.id)),
    );
    try {
      await goneOn(streams);
      for (let index = 0; index < kills; index += 1) {
        await moment(index);
        await killAndWait(pidIn(home.paths.queenPid));
        await until(async () => same(await list(home), workers), { what: `the right list after kill ${index + 1}` });
      }
      await goneOn(streams);
      expectWhole(streams);
    } finally {
      for (const stream of streams) stream.close();
    }
    for (const worker of workers) await home.json(['worker', 'delete', worker.id, '--now']);
    assert.deepEqual(home.processes(), [pidIn(home.paths.queenPid)]);
  });
});

describe('kill -9 of a hive in its own process', () => {
  const home = createHome({ queen: 'mode = "standalone"' });
  after(() => home.close());

  test(`${kills} kills: same workers, unbroken streams (also through the queen), correct list, no orphans`, async () => {
    const workers = await spawnStreaming(home);
    const { url } = await home.json(['queen', 'status']);
    const streams = workers.flatMap((worker) => [
      readTokens(`http://127.0.0.1:${worker.port}`, worker.model, workerKey(home, worker.id)),
      readTokens(url, worker.model),
    ]);
    try {
      await goneOn(streams);
      const queen = pidIn(home.paths.queenPid);
      for (let index = 0; index < kills; index += 1) {
        await moment(index);
        const pid = pidIn(home.paths.hivePid);
        kill(pid);
        await until(
          async () =>
            pidIn(home.paths.hivePid) > 0 &&
            pidIn(home.paths.hivePid) !== pid &&
            // The list may still be from before the hive was killed.
            (await listens(home.paths.hiveSocket)) &&
            same(await list(home), workers),
          {
            what: `a new hive with the right list after kill ${index + 1}`,
          },
        );
      }
      await goneOn(streams);
      expectWhole(streams);
      assert.equal(pidIn(home.paths.queenPid), queen);
    } finally {
      for (const stream of streams) stream.close();
    }
    for (const worker of workers) await home.json(['worker', 'delete', worker.id, '--now']);
    assert.deepEqual(home.processes().sort(), [pidIn(home.paths.hivePid), pidIn(home.paths.queenPid)].sort());
  });
});

describe('a hive in its own process that cannot start with the queen', () => {
  const home = createHome({ queen: 'mode = "standalone"' });
  after(() => home.close());

  // A hive killed while the queen started it was never retried, since nothing read its heartbeats yet.
  test('is started as soon as that is possible, without a request', async () => {
    const inTheWay = join(home.paths.hiveSocket, 'in the way');
    mkdirSync(inTheWay, { recursive: true });
    const local = async () => (await home.json(['hive', 'list'])).hives[0];
    assert.equal((await local()).status, 'stopped');
    rmSync(home.paths.hiveSocket, { recursive: true });
    await until(async () => (await local()).status === 'online', { what: 'the hive' });
  });
});

describe('kill -9 of queen and hive together', () => {
  const home = createHome({ queen: 'mode = "standalone"' });
  after(() => home.close());

  test('a worker that died meanwhile is restarted, and the others keep running', async () => {
    const workers = await spawnStreaming(home);
    kill(pidIn(home.paths.hivePid));
    await killAndWait(pidIn(home.paths.queenPid));
    const victim = workers[0]!;
    kill(victim.pid);
    const now = await until(
      async () => {
        const all = await list(home);
        return all.length === workerCount && all.every((worker) => worker.state === 'ready') && all;
      },
      { what: 'all workers ready again' },
    );
    assert.deepEqual(
      now.filter((worker) => worker.id !== victim.id),
      now.filter((worker) => workers.some((before) => before.pid === worker.pid)),
    );
    assert.notEqual(now.find((worker) => worker.id === victim.id)?.pid, victim.pid);
  });
});
