/** Changes behind the queen's back: keys, versions, clocks, folders, and its own hives.conf. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { type LivingFleet, living } from '../harness/living.ts';
import { cannot } from '../harness/machines.ts';
import { atFullScale, scaled, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let live: LivingFleet;

const declaration = (alias: string): string => `
[[hive]]
alias = "${alias}"
run = [{ type = "ticker", name = "tick", id = "tick-${alias}" }]
`;
const conf = declaration('pi') + declaration('box');

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  fleet.declare(conf);
  await fleet.home.json(['sync']);
});
after(() => fleet?.close());

const cutConnections = async (name: string): Promise<void> => {
  await fleet.machines.host(name).stopSshd({ connections: 'cut' });
  await fleet.machines.host(name).startSshd();
};

test('a machine that no longer accepts the key is retried rarely, says why, and is back on request once it does', {
  skip: skip || atFullScale,
}, async (t) => {
  const pi = fleet.machines.host('pi');
  const before = await live.processes();
  const file = pi.path('/run/machine/authorized_keys');
  const keys = readFileSync(file);
  const from = pi.sshdLog().length;
  writeFileSync(file, '');
  await cutConnections('pi');
  const shown = await until(async () => {
    const hive = await live.hive('pi');
    return hive.status === 'unreachable' && /it rejected/.test(hive.reason ?? '') && hive;
  });
  assert.match(shown.reason ?? '', /pi.*id_ed25519/);
  await delay(scaled(60_000, 8_000));
  const logins =
    pi
      .sshdLog()
      .slice(from)
      .match(/Connection from/g)?.length ?? 0;
  t.diagnostic(`${logins} logins were tried`);
  assert.ok(logins <= 4, `${logins} logins were tried`);
  assert.match((await fleet.home.rbee(['hive', 'list'])).stdout, /pi: unreachable for .*it rejected/);
  const refused = await fleet.home.rbee(['hive', 'start', 'pi', '--json']);
  assert.equal(JSON.parse(refused.stdout).error.code, 'SSH_AUTH_FAILED');
  writeFileSync(file, keys);
  await fleet.home.json(['hive', 'start', 'pi']);
  assert.deepEqual(await live.processes(), before);
});

test('a hive of an older build works, and the list says how to update it', { skip: skip || atFullScale }, async () => {
  const pi = fleet.machines.host('pi');
  const file = pi.path('.local/share/rbee/current/package.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/"version": *"[^"]+"/, '"version": "0.0.9"'));
  try {
    const { version } = await fleet.home.json(['hive', 'restart', 'pi']);
    assert.equal(version, '0.0.9');
    const { stdout } = await fleet.home.rbee(['hive', 'list']);
    assert.match(stdout, /pi: runs rbee 0\.0\.9, older than this [\d.]+; update it with: rbee sync --hive pi/);
    const worker = await fleet.home.json(['worker', 'spawn', '--hive', 'pi', '--type', 'ticker', '--name', 'old']);
    assert.equal((await live.ask('old')).status, 200);
    await fleet.home.json(['worker', 'delete', worker.id, '--now']);
  } finally {
    writeFileSync(file, text);
    await fleet.home.json(['hive', 'restart', 'pi']);
  }
});

for (const [name, days] of [
  ['behind', -1],
  ['ahead', 1],
] as const) {
  test(`a machine whose clock is a day ${name} works like any other`, {
    skip: skip || (name === 'ahead' && atFullScale),
  }, async () => {
    const box = fleet.machines.host('box');
    const shift = `{ const Now = Date; const off = ${days * 86_400_000}; globalThis.Date = class extends Now { constructor(...at) { at.length ? super(...at) : super(Now.now() + off); } static now() { return Now.now() + off; } }; }`;
    writeFileSync(box.path('clock.mjs'), shift);
    const file = box.path('.local/share/rbee/current/dist/hive/daemon.js');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${shift}\n${text}`);
    await box.configureSshd({ lines: [`SetEnv NODE_OPTIONS=--import=${box.home}/clock.mjs`] });
    await cutConnections('box');
    try {
      await live.becomes('box', 'online');
      await fleet.home.json(['hive', 'restart', 'box']);
      assert.equal((await fleet.home.rbee(['sync'])).code, 0);
      const worker = await fleet.home.json(['worker', 'spawn', '--hive', 'box', '--type', 'ticker', '--name', 'odd']);
      const started = Date.parse(worker.startedAt);
      assert.ok(
        Math.abs(started - Date.now() - days * 86_400_000) < 3_600_000,
        'the clock of the machine is not shifted',
      );
      assert.equal((await live.ask('odd')).status, 200);
      const inside = (await live.worker(worker.id))?.pid;
      await box.run(`kill -9 ${inside}`);
      await until(async () => {
        const now = await live.worker(worker.id);
        return now?.state === 'ready' && now.pid !== inside;
      });
      await fleet.home.json(['worker', 'delete', worker.id, '--now']);
    } finally {
      writeFileSync(file, text);
      await box.configureSshd({ lines: [] });
      await cutConnections('box');
      await live.becomes('box', 'online');
      await fleet.home.json(['hive', 'restart', 'box']);
    }
  });
}

test('a machine whose state folder is removed under a running hive recovers as declared, with no stray process', {
  skip,
}, async () => {
  const box = fleet.machines.host('box');
  for (const wait of [true, false]) {
    const before = box.processes().find(({ command }) => command.includes('hive/daemon.js'))?.pid;
    await box.run('rm -rf .local/state/rbee');
    if (wait)
      await until(() => !box.processes().some(({ pid }) => pid === before), { what: 'the end of the old hive' });
    const run = await fleet.home.rbee(['sync']);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    await until(async () => (await live.worker('tick-box'))?.state === 'ready');
    const of = (what: string) => box.processes().filter(({ command }) => command.includes(what)).length;
    await until(() => of('hive/daemon.js') === 1 && of('engine.js') === 1, { what: 'one hive and one worker' });
    assert.equal((await live.ask('tick')).status, 200);
  }
});

test('a machine that lost all state of its hive runs its declared workers again', {
  skip: skip || atFullScale,
}, async () => {
  const pi = fleet.machines.host('pi');
  const before = await live.hive('pi');
  await pi.run('rm -rf .local/state/rbee');
  await pi.reboot();
  await live.another(before);
  await live.ready('tick-pi', 'tick-box');
  const { workers } = await fleet.home.json(['worker', 'list']);
  assert.equal(workers.length, 2);
});

test('an unreadable hives.conf is reported and leaves the fleet as it is', { skip }, async () => {
  const before = await live.processes();
  fleet.declare('[[hive]\nalias = ');
  await until(() => /hives\.conf is invalid/.test(readFileSync(join(fleet.home.paths.logs, 'queen.log'), 'utf8')));
  assert.deepEqual(await live.processes(), before);
  assert.equal((await live.ask('tick')).status, 200);
  const refused = await fleet.home.rbee(['sync']);
  assert.equal(refused.code, 1, refused.stdout + refused.stderr);
  assert.match(refused.stderr, /hives\.conf:1/);
  // A queen that starts with it uses the machines that it remembers.
  await fleet.home.json(['queen', 'restart']);
  await live.ready('tick-pi', 'tick-box');
  assert.deepEqual(await live.processes(), before);
  fleet.declare(conf);
});

test('a machine that the file no longer names stays known while rbee is installed on it', { skip }, async () => {
  const before = await live.processes();
  fleet.declare(declaration('pi'));
  const { hives } = await until(async () => {
    const shown = await fleet.home.json(['status']);
    return shown.hives.length === 3 && shown;
  });
  const shown = hives.map(({ alias, status }: { alias: string; status: string }) => `${alias} ${status}`);
  assert.deepEqual(shown.sort(), ['box online', 'local online', 'pi online']);
  assert.deepEqual(await live.processes(), before);
  const removed = await fleet.home.rbee(['sync', '--remove-extra', '--yes']);
  assert.equal(removed.code, 0, removed.stdout + removed.stderr);
  await until(async () => (await fleet.home.json(['hive', 'list'])).hives.length === 2);
  assert.deepEqual(fleet.machines.host('box').processes(), []);
});
