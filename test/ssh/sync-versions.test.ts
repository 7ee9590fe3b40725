/** New and old versions of rbee and of worker types reach machines while their workers keep answering. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { type OtherRbee, otherRbee } from '../harness/other-rbee.ts';
import { atFullScale, sampleOf } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let pi: Host;
let others: OtherRbee[] = [];
let plugin: string;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi'], plugins: [] });
  pi = fleet.machines.host('pi');
  plugin = join(fleet.home.folder, 'ticker');
  cpSync(tickerPlugin, plugin, { recursive: true });
  const links = { oclif: { plugins: [{ name: plugin, type: 'link', root: plugin }] } };
  writeFileSync(join(fleet.home.paths.data, 'package.json'), JSON.stringify(links));
  fleet.declare(conf);
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
});
after(async () => {
  for (const other of others) other.remove();
  others = [];
  await fleet?.close();
});

const conf = `
[[hive]]
alias = "pi"
workers = [{ type = "ticker", version = "*" }]

[[hive.run]]
type = "ticker"
id = "tick"
name = "tick"
replicas = 2
`;

const another = (options: Parameters<typeof otherRbee>[0]): string => {
  const other = otherRbee(options);
  others.push(other);
  return other.bin;
};

const workers = async (): Promise<{ id: string; pid: number; state: string; pluginVersion: string }[]> =>
  (await fleet.home.json(['worker', 'list'])).workers;
/** PIDs of the engines as their machine sees them: a queen that just started knows nothing yet. */
const pids = (): number[] => pi.processes().flatMap(({ pid, command }) => (command.includes('engine.js') ? [pid] : []));
const versions = async (): Promise<string[]> => (await workers()).map(({ pluginVersion }) => pluginVersion);
const current = (): string => readlinkSync(pi.path('.local/share/rbee/current')).replace('versions/', '');
const folder = (path: string): string[] =>
  readdirSync(pi.path(`.local/share/rbee/${path}`))
    .filter((name) => !name.endsWith('.lock'))
    .sort();
const stopQueen = async (bin?: string): Promise<void> => {
  const run = await fleet.home.rbee(['queen', 'stop'], { bin });
  assert.equal(run.code, 0, run.stderr);
};
const declareVersion = (version: string): void => {
  const file = join(plugin, 'package.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }));
};

test('a hive that does not become healthy is rolled back, and its workers keep running', {
  skip: skip || atFullScale,
}, async () => {
  const [before, running] = [current(), pids()];
  const bin = another({ version: '0.1.1', broken: 'this hive cannot live' });
  await stopQueen();
  const run = await fleet.home.rbee(['sync'], { bin });
  assert.equal(run.code, 1, run.stdout + run.stderr);
  assert.match(run.stdout, /pi: install rbee 0\.1\.1-\w+: .*was rolled back to 0\.1\.0-\w+/);
  assert.match(run.stdout, /this hive cannot live/);
  assert.match(run.stdout, /^pi: retry with: rbee sync --hive pi$/m);
  assert.equal(current(), before);
  const { hives } = await fleet.home.json(['hive', 'list'], { bin });
  const there = hives.find(({ alias }: { alias: string }) => alias === 'pi');
  assert.equal(there.status, 'online');
  assert.equal(there.version, '0.1.0');
  assert.deepEqual(pids(), running);
  await stopQueen(bin);
});

test('another version of rbee replaces a hive, and its workers keep running', { skip }, async () => {
  const running = pids();
  const old = current();
  await stopQueen();
  const bin = another({ version: '0.1.2' });
  const look = await fleet.home.rbee(['status', '--exit-code', '--verbose'], { bin });
  assert.equal(look.code, 2, look.stderr);
  assert.match(look.stdout, new RegExp(`^pi +install +rbee 0\\.1\\.2-\\w+ +replaces ${old}$`, 'm'));
  const run = await fleet.home.rbee(['sync'], { bin });
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(current(), /^0\.1\.2-/);
  assert.deepEqual(pids(), running);
  assert.deepEqual(folder('versions'), [old, current()].sort(), 'the failed version is gone, the previous one stays');
  assert.deepEqual(folder('uploads'), []);
  const again = await fleet.home.rbee(['sync'], { bin });
  assert.match(again.stdout, /nothing to do/);
  await stopQueen(bin);
});

test('going back to an older version needs no upload', { skip: skip || atFullScale }, async () => {
  const running = pids();
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(current(), /^0\.1\.0-/);
  assert.doesNotMatch(run.stderr, /uploading rbee/);
  assert.deepEqual(pids(), running);
  const forced = await fleet.home.rbee(['sync', '--force']);
  assert.equal(forced.code, 0, forced.stdout + forced.stderr);
  assert.match(forced.stdout, /^pi +install +rbee \S+ +forced$/m);
  assert.match(forced.stderr, /uploading rbee/);
  assert.deepEqual(pids(), running);
});

for (const [version, what] of sampleOf([
  ['2.0.0', 'newer'],
  ['1.0.0', 'older'],
] as const)) {
  test(`a ${what} worker type replaces its workers one at a time, and running answers finish`, {
    skip,
  }, async () => {
    const before = await versions();
    const answers = [await begin(), await begin()];
    declareVersion(version);
    const syncing = fleet.home.rbee(['sync']);
    let over = false;
    void syncing.finally(() => {
      over = true;
    });
    const min = await minReady(() => over);
    const run = await syncing;
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.match(run.stdout, new RegExp(`^pi +install +ticker ${version} +replaces ${before[0]}$`, 'm'));
    assert.match(run.stdout, /^pi +replace +tick +its type has another version$/m);
    assert.ok(Number.isFinite(min) && min >= 1, `${min} workers were ready`);
    for (const answer of answers) assert.match(await answer, /^0 1 2 .* 148 149\s*$/s);
    assert.deepEqual(await versions(), [version, version]);
    assert.match((await fleet.home.rbee(['sync'])).stdout, /nothing to do/);
  });
}

/** A long answer that has begun. */
const begin = async (): Promise<Promise<string>> => {
  const child = fleet.home.start(['infer', '-m', 'tick', '--max-tokens', '150', 'Hello']);
  let said = '';
  const whole = new Promise<string>((done) => child.once('close', () => done(said)));
  await new Promise<void>((done) =>
    child.stdout?.on('data', (chunk) => {
      said += chunk;
      done();
    }),
  );
  return whole;
};

/** The lowest number of ready workers at any time until it is over. */
const minReady = async (isOver: () => boolean): Promise<number> => {
  let min = Number.POSITIVE_INFINITY;
  while (!isOver()) {
    const ready = (await workers()).filter(({ state }) => state === 'ready').length;
    min = Math.min(min, ready);
  }
  return min;
};

test('an undeclared worker type is removed with --remove-extra', { skip }, async () => {
  fleet.declare('[[hive]]\nalias = "pi"\n');
  const kept = await fleet.home.rbee(['sync']);
  assert.match(
    kept.stdout,
    /^pi: not declared, kept .*the worker tick, the worker tick-r2, the type ticker \d\.0\.0$/m,
  );
  assert.equal(pids().length, 2);
  const gone = await fleet.home.rbee(['sync', '--remove-extra']);
  assert.equal(gone.code, 0, gone.stdout + gone.stderr);
  assert.deepEqual(pids(), []);
  assert.ok(
    !pi.files('.local/share/rbee/workers').some((path) => /engine\.js$/.test(path)),
    'no plugin is left on disk',
  );
});
