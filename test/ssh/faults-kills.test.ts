/**
 * Processes are killed, on the machines and here, and machines are switched off: everything comes back without help.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { kill, killAndWait } from '../harness/home.ts';
import { endOf, goesOn, type LivingFleet, living, whole } from '../harness/living.ts';
import { cannot } from '../harness/machines.ts';
import { firstGap, type StreamReader } from '../harness/streams.ts';
import { atFullScale, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let live: LivingFleet;
/** Id of the worker that no file declares. */
let extra: string;
const streams: StreamReader[] = [];

const conf = ['pi', 'box']
  .map(
    (alias) => `
[[hive]]
alias = "${alias}"
run = [{ type = "ticker", name = "tick", id = "tick-${alias}" }]
`,
  )
  .join('');

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  fleet.declare(conf);
  await fleet.home.json(['sync']);
  ({ id: extra } = await fleet.home.json(['worker', 'spawn', '--hive', 'pi', '--type', 'ticker', '--name', 'extra']));
});
after(async () => {
  for (const stream of streams) stream.close();
  await fleet?.close();
});

const stream = async (model: string, tokens?: number): Promise<StreamReader> => {
  const reader = await live.stream(model, tokens);
  streams.push(reader);
  await goesOn(reader);
  return reader;
};

/** PID of the hive of a machine, as the test sees it. */
const hiveOn = (name: string): number => {
  const hive = fleet.machines
    .host(name)
    .processes()
    .find(({ command }) => command.includes('/current/') && command.includes('hive'));
  assert.ok(hive, `no hive runs on ${name}`);
  return hive.pid;
};

const queen = (): number => Number(readFileSync(fleet.home.paths.queenPid, 'utf8'));

const comesBack = (processes: readonly string[]): Promise<unknown> =>
  until(
    async () => {
      const { hives } = await fleet.home.json(['hive', 'list']);
      if (hives.some(({ status }: { status: string }) => status !== 'online')) return false;
      return JSON.stringify(await live.processes()) === JSON.stringify(processes);
    },
    { deadlineMs: 60_000, what: 'the same fleet' },
  );

test('a killed hive comes back without help, and neither its workers nor their streams notice', {
  skip,
}, async (t) => {
  const before = await live.processes();
  const running = await stream('extra');
  for (let nth = 0; nth < 3; nth++) {
    const [pid, shown] = [hiveOn('pi'), await live.hive('pi')];
    const killed = Date.now();
    kill(pid);
    await live.another(shown);
    t.diagnostic(`another hive after ${Date.now() - killed} ms`);
    await goesOn(running);
  }
  await comesBack(before);
  assert.equal(firstGap(running.numbers), -1);
  running.close();
});

test('a killed queen finds all machines and their running workers again without a sync', {
  skip,
}, async (t) => {
  const before = await live.processes();
  const hives = [hiveOn('pi'), hiveOn('box')];
  for (let nth = 0; nth < 3; nth++) {
    const killed = Date.now();
    await killAndWait(queen());
    await comesBack(before);
    t.diagnostic(`the same fleet after ${Date.now() - killed} ms`);
    assert.equal((await live.ask('extra')).status, 200);
  }
  assert.deepEqual([hiveOn('pi'), hiveOn('box')], hives);
});

test('queen and hives killed at once come back with their workers unchanged', {
  skip: skip || atFullScale,
}, async (t) => {
  const before = await live.processes();
  const killed = Date.now();
  for (const pid of [queen(), hiveOn('pi'), hiveOn('box')]) kill(pid);
  await comesBack(before);
  t.diagnostic(`the same fleet after ${Date.now() - killed} ms`);
  assert.equal((await live.ask('extra')).status, 200);
});

test('a restart of sshd goes unnoticed, and one that cuts connections breaks only streams, with an error', {
  skip: skip || atFullScale,
}, async (t) => {
  const pi = fleet.machines.host('pi');
  const before = await live.processes();
  const first = await stream('extra');
  await pi.restartSshd();
  await goesOn(first);
  assert.equal((await live.ask('extra')).status, 200);

  const cut = Date.now();
  await pi.stopSshd({ connections: 'cut' });
  assert.match(await endOf(first), /worker_connection_lost/);
  const shown = await live.becomes('pi', 'unreachable');
  assert.match(shown.reason ?? '', /connection refused/);
  for (let nth = 0; nth < 4; nth++) assert.equal((await live.ask('tick')).status, 200);
  t.diagnostic(`known after ${Date.now() - cut} ms`);
  const up = Date.now();
  await pi.startSshd();
  await comesBack(before);
  t.diagnostic(`back ${Date.now() - up} ms after sshd`);

  // No client retries: a request that hits the broken connection is answered by the other replica.
  for (let nth = 0; nth < 5; nth++) {
    const answers = Array.from({ length: 8 }, () => live.ask('tick'));
    await pi.stopSshd({ connections: 'cut' });
    await pi.startSshd();
    for (const { status, text } of await Promise.all(answers)) assert.equal(status, 200, text);
  }
  await comesBack(before);
});

test('after a power cycle, everything that ran on the machine runs again', {
  skip: skip || atFullScale,
}, async (t) => {
  const pi = fleet.machines.host('pi');
  const running = await stream('extra');
  const before = await live.hive('pi');
  const off = Date.now();
  await pi.reboot();
  assert.notEqual(await endOf(running), whole);
  assert.match(running.ended ?? '', /worker_connection_lost/);
  await live.another(before);
  t.diagnostic(`the hive is back after ${Date.now() - off} ms`);
  await live.ready('tick-pi', extra);
  t.diagnostic(`its workers are back after ${Date.now() - off} ms`);
  assert.equal((await live.ask('extra')).status, 200);
  for (const { status } of await Promise.all(Array.from({ length: 8 }, () => live.ask('tick'))))
    assert.equal(status, 200);
});

test('after queen and machines were all switched off, the next command brings the fleet back', {
  skip: skip || atFullScale,
}, async (t) => {
  const off = Date.now();
  await killAndWait(queen());
  await Promise.all(['pi', 'box'].map((name) => fleet.machines.host(name).reboot()));
  await live.ready('tick-pi', 'tick-box', extra);
  t.diagnostic(`everything is back after ${Date.now() - off} ms`);
  assert.equal((await live.ask('extra')).status, 200);
});

test('a crashed worker is restarted by its hive, and requests it had not begun go to the other replica', {
  skip,
}, async (t) => {
  const crashing = async (id: string): Promise<void> => {
    const { pid: inside } = (await live.worker(id)) ?? {};
    const process = fleet.machines
      .host('pi')
      .processes()
      .find((one) => one.inside === inside);
    assert.ok(process);
    kill(process.pid);
  };
  const asked = Array.from({ length: 12 }, () => live.ask('tick'));
  await crashing('tick-pi');
  for (const { status, text } of await Promise.all(asked)) assert.equal(status, 200, text);
  const died = Date.now();
  const running = await stream('extra');
  await crashing(extra);
  assert.match(await endOf(running), /worker_connection_lost/);
  const [again] = await until(async () => {
    const workers = await live.ready(extra);
    return (workers[0]?.restarts ?? 0) > 0 && workers;
  });
  t.diagnostic(`ready again after ${Date.now() - died} ms`);
  assert.equal(again?.restarts, 1);
  assert.equal((await live.ask('extra')).status, 200);
});
