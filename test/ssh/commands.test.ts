/** What users do with hives on other machines, through the queen and its tunnel: the real command, a real sshd. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { goesOn, type LivingFleet, living } from '../harness/living.ts';
import { cannot } from '../harness/machines.ts';
import { atFullScale, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let live: LivingFleet;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  fleet.declare(`
[[hive]]
alias = "pi"
run = [{ type = "ticker", name = "tick", id = "tick" }]

[[hive]]
alias = "box"
`);
  await fleet.home.json(['sync']);
});
after(() => fleet?.close());

const fails = async (args: readonly string[], code: string, exit = 1): Promise<string> => {
  const run = await fleet.home.rbee([...args, '--json']);
  assert.equal(run.code, exit, run.stdout + run.stderr);
  assert.equal(JSON.parse(run.stdout).error.code, code, run.stdout);
  return run.stdout;
};

test('a stopped hive stays stopped while its workers keep running, until it is started again', {
  skip: skip || atFullScale,
}, async () => {
  const { home, machines } = fleet;
  const before = await live.processes();
  const running = await live.stream('tick');
  await goesOn(running);
  const stopped = await home.json(['hive', 'stop', 'pi']);
  assert.equal(stopped.status, 'stopped');
  await fails(['worker', 'spawn', '--hive', 'pi', '--type', 'ticker', '--name', 'no'], 'HIVE_NOT_RUNNING');
  // A restarted queen leaves it stopped as well.
  await home.json(['queen', 'restart']);
  running.close();
  await live.becomes('box', 'online');
  assert.equal((await live.hive('pi')).reason, 'stopped on request');
  const isDaemon = ({ command }: { command: string }) => command.includes('/current/');
  assert.deepEqual(machines.host('pi').processes().filter(isDaemon), []);
  const started = await home.json(['hive', 'start', 'pi']);
  assert.equal(started.status, 'online');
  assert.deepEqual(await live.processes(), before);
  const restarted = await home.json(['hive', 'restart', 'pi']);
  assert.notEqual(restarted.pid, started.pid);
  assert.deepEqual(await live.processes(), before);
});

test('a hive describes itself, its devices, its log and its connection', { skip }, async () => {
  const { home } = fleet;
  assert.equal((await home.json(['hive', 'status', 'pi'])).status, 'online');
  assert.equal((await home.json(['hive', 'get', 'pi'])).hostname, 'pi');
  assert.equal((await home.json(['hive', 'devices', 'pi'])).devices[0].id, 'cpu');
  const logs = await home.rbee(['hive', 'logs', 'pi']);
  assert.match(logs.stdout, /the hive is ready/);
  const tried = await home.json(['hive', 'ssh-test', 'pi']);
  assert.equal(tried.ok, true, JSON.stringify(tried));
  assert.equal(tried.user, 'ann');
});

test('the queen delivers a missing type when a worker of it is spawned', { skip }, async () => {
  const { home } = fleet;
  assert.deepEqual((await home.json(['plugins', 'list', '--hive', 'box'])).plugins, []);
  const worker = await home.json(['worker', 'spawn', '--hive', 'box', '--type', 'ticker', '--name', 'brought']);
  assert.equal(worker.hive, 'box');
  assert.equal((await live.ask('brought')).status, 200);
  await home.json(['worker', 'delete', worker.id, '--now']);
});

test('plugins of a machine can be listed, inspected, updated, removed and delivered again', { skip }, async () => {
  const { home } = fleet;
  const names = async (): Promise<string[]> =>
    (await home.json(['plugins', 'list', '--hive', 'box'])).plugins.map(({ name }: { name: string }) => name);
  const name = '@rbee-test/worker-ticker';
  assert.deepEqual(await names(), [name]);
  assert.equal((await home.json(['plugins', 'inspect', 'ticker', '--hive', 'box'])).name, name);
  const { updates } = await home.json(['plugins', 'update', '--hive', 'box']);
  assert.deepEqual(
    updates.map((update: { name: string; changed: boolean }) => [update.name, update.changed]),
    [[name, false]],
  );
  await home.json(['plugins', 'uninstall', 'ticker', '--hive', 'box']);
  assert.deepEqual(await names(), []);
  const installed = await home.json(['plugins', 'install', 'ticker', '--hive', 'box']);
  assert.equal(installed.name, name);
  assert.equal(installed.changed, true);
  assert.deepEqual(await names(), [name]);
  await fails(['plugins', 'link', tickerPlugin, '--hive', 'box'], 'INVALID_INPUT', 2);
});

test('the log of a worker can be followed through the tunnel', { skip }, async () => {
  const following = fleet.home.start(['worker', 'logs', 'tick', '--follow', '--lines', '0']);
  try {
    let text = '';
    following.stdout?.setEncoding('utf8').on('data', (piece) => (text += piece));
    const { logFile } = (await fleet.home.json(['worker', 'get', 'tick'])) as { logFile: string };
    const { host } = fleet.machines;
    await until(async () => {
      await host('pi').run(`echo 'a line of now' >> ${logFile}`);
      return text.includes('a line of now');
    });
  } finally {
    following.kill();
  }
});
