/** Many clients stream from two machines while one of them comes and goes; and the path that their bytes take. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { kill } from '../harness/home.ts';
import { endOf, goesOn, type LivingFleet, living, whole } from '../harness/living.ts';
import { cannot } from '../harness/machines.ts';
import { firstGap, readTokens } from '../harness/streams.ts';
import { atFullScale, scaled, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let live: LivingFleet;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  fleet.declare(
    ['pi', 'box']
      .map(
        (alias) => `[[hive]]\nalias = "${alias}"\nrun = [{ type = "ticker", name = "tick", id = "tick-${alias}" }]\n`,
      )
      .join('\n'),
  );
  await fleet.home.json(['sync']);
});
after(() => fleet?.close());

const clients = 20;
/** Tokens of a stream of about two seconds. */
const tokens = 100;

/** Starts clients that keep asking; `stop` waits for the answers in progress and returns how each one ended. */
const busyClients = (url: string) => {
  let over = false;
  const ends: string[] = [];
  const client = async (): Promise<void> => {
    while (!over) {
      const stream = readTokens(url, 'tick', undefined, tokens);
      try {
        const end = await endOf(stream, 90_000);
        ends.push(end);
        assert.equal(firstGap(stream.numbers), -1);
        if (end === whole) assert.equal(stream.numbers.length, tokens);
        else await delay(50);
      } finally {
        stream.close();
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    stop: async (): Promise<string[]> => {
      over = true;
      await all;
      return ends;
    },
  };
};

const queen = (): number => Number(readFileSync(fleet.home.paths.queenPid, 'utf8'));
const openFiles = (): number => readdirSync(`/proc/${queen()}/fd`).length;
const megabytes = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${queen()}/status`, 'utf8'))?.[1]) / 1024);

test('all clients of a machine that comes and goes get an end or an error, and the queen leaks nothing', {
  skip: skip || atFullScale,
}, async (t) => {
  const pi = fleet.machines.host('pi');
  const box = fleet.machines.host('box');
  const url = await live.url();
  const warm = busyClients(url);
  await delay(1_000);
  await warm.stop();
  const [files, memory] = [openFiles(), megabytes()];

  const busy = busyClients(url);
  for (let round = 0; round < scaled(12, 3); round++) {
    await delay(500);
    // A short outage or one that the queen notices, and then an sshd that closes its connections.
    await pi.linkDown();
    await delay(round % 2 === 0 ? 700 : 4_500);
    await pi.linkUp();
    await delay(500);
    await pi.stopSshd({ connections: 'cut' });
    await delay(300);
    await pi.startSshd();
  }
  const ends = await busy.stop();
  const broken = ends.filter((end) => end !== whole);
  t.diagnostic(`${ends.length} streams, ${broken.length} of them broken`);
  for (const end of broken) assert.match(end, /"code":"(worker_connection_lost|no_ready_worker)"/);
  assert.ok(ends.length > broken.length, 'none was whole');

  await live.ready('tick-pi', 'tick-box');
  // Idle connections to workers and agents are closed after a while.
  await until(() => openFiles() <= files + 2, { what: `${files} open files` });
  t.diagnostic(`memory ${memory} MB before, ${megabytes()} MB after; files ${files} before, ${openFiles()} after`);
  assert.ok(megabytes() < memory + 80, `${memory} MB became ${megabytes()} MB`);
  // Nothing that served the broken connections keeps running on the machines.
  for (const host of [pi, box]) {
    await until(() => host.processes().filter(({ command }) => command.includes('/agent/')).length === 0, {
      what: 'the end of the agents',
    });
  }
});

test('tokens bypass the hive, and a machine opens no port but that of its sshd', { skip }, async () => {
  const pi = fleet.machines.host('pi');
  await fleet.home.json(['worker', 'spawn', '--hive', 'pi', '--type', 'ticker', '--name', 'direct']);
  const stream = await live.stream('direct');
  try {
    await goesOn(stream);
    const listening = (await pi.run('cat /proc/net/tcp /proc/net/tcp6')).stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => fields[1]!.split(':') as [string, string])
      .map(([address, port]) => ({ address, port: Number.parseInt(port, 16) }));
    const open = listening.filter(({ address }) => address !== '0100007F');
    assert.deepEqual([...new Set(open.map(({ port }) => port))], [pi.port]);
    const hive = pi.processes().find(({ command }) => command.includes('/current/'));
    assert.ok(hive);
    kill(hive.pid, 'SIGSTOP');
    await live.becomes('pi', 'unreachable');
    await goesOn(stream);
    await goesOn(stream);
    kill(hive.pid, 'SIGCONT');
    await live.becomes('pi', 'online');
    await goesOn(stream);
    assert.equal(firstGap(stream.numbers), -1);
  } finally {
    stream.close();
  }
});
