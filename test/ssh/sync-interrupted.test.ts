/** Interrupted syncs: wherever a sync stops, the next one reaches the same result and leaves nothing half-done. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { killAndWait } from '../harness/home.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { atFullScale, sampleOf, scaled, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let pi: Host;
let box: Host;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  [pi, box] = fleet.machines.hosts as [Host, Host];
  fleet.declare(conf);
});
after(() => fleet?.close());

const conf = `
[[hive]]
alias = "pi"
run = [
  { type = "ticker", name = "tick", id = "a" },
  { type = "ticker", name = "tick", id = "b" },
  { type = "ticker", name = "tick", id = "c" },
]
`;

interface Ended {
  code: number | null;
  stderr: string;
  stdout: string;
}

/** A running command whose output can be waited for. */
const begin = (
  args: readonly string[],
): { child: ChildProcess; says: (what: RegExp) => Promise<unknown>; ended: Promise<Ended> } => {
  const child = fleet.home.start(args);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk) => {
      said[name] += chunk;
    });
  }
  const ended = new Promise<Ended>((done) => child.once('close', (code) => done({ code, ...said })));
  const says = (what: RegExp) =>
    until(
      () => {
        if (what.test(said.stderr)) return true;
        if (child.exitCode !== null) throw new Error(`it ended without ${what}:\n${said.stdout}\n${said.stderr}`);
        return false;
      },
      { what: `${what}`, deadlineMs: 60_000 },
    );
  return { child, says, ended };
};

const state = (): string => {
  const folder = pi.path('.local/state/rbee');
  return join(folder, readdirSync(folder)[0]!);
};
const leaseFile = (): string => join(state(), 'sync.lease');
const rbeeFiles = (): string[] => pi.files('.local/share/rbee').filter((path) => !/^(versions|runtimes)\/./.test(path));
const journal = () => JSON.parse(readFileSync(join(fleet.home.paths.state, 'sync-journal.json'), 'utf8'));

test('Ctrl-C ends a sync in any phase, and the next one finishes it', { skip }, async () => {
  for (const [phase, args] of sampleOf(
    [
      [/making 1 hive/, []],
      [/uploading Node/, []],
      [/uploading rbee/, []],
      [/installing ticker/, []],
      [/uploading @rbee-test/, ['--force']],
      [/starting [abc] on cpu/, ['--parallel', '1']],
    ] as const,
    2,
  )) {
    const sync = begin(['sync', ...args]);
    await sync.says(phase);
    sync.child.kill('SIGINT');
    const { code, stdout, stderr } = await sync.ended;
    assert.equal(code, 130, `${phase}\n${stdout}\n${stderr}`);
    assert.notEqual(journal().endedAt, null, 'its end is recorded');
    const installed = existsSync(pi.path('.local/share/rbee/current'));
    assert.ok(!installed || !existsSync(leaseFile()), `${phase}: its lease is released`);
  }
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  await declaredState();
});

/** The machine is as the file declares, with nothing left over. */
const declaredState = async (): Promise<void> => {
  const { workers } = await fleet.home.json(['worker', 'list']);
  assert.deepEqual(
    workers
      .filter(({ hive }: { hive: string }) => hive === 'pi')
      .map(({ id, state }: Record<string, string>) => `${id} ${state}`)
      .sort(),
    ['a ready', 'b ready', 'c ready'],
  );
  assert.equal(pi.processes().filter(({ command }) => command.includes('engine.js')).length, 3);
  assert.equal(pi.processes().filter(({ command }) => command.includes('hive/daemon.js')).length, 1);
  assert.deepEqual(
    rbeeFiles().filter((path) => /\.part|^uploads\/.|staging\/.|sync\.lease$/.test(path)),
    [],
  );
  const names = (folder: string) =>
    readdirSync(pi.path(`.local/share/rbee/${folder}`)).filter((name) => !name.endsWith('.lock'));
  assert.deepEqual(names('versions'), [basename(readlinkSync(pi.path('.local/share/rbee/current')))]);
  for (const folder of ['runtimes', 'agent']) assert.equal(names(folder).length, 1, names(folder).join(', '));
  assert.ok(!existsSync(leaseFile()));
  assert.match((await fleet.home.rbee(['sync'])).stdout, /nothing to do/);
};

test('a queen killed during a sync blocks no other sync, and the next one finishes the work', {
  skip: skip || atFullScale,
}, async () => {
  const phases = [/uploading rbee/, /starting [abc] on cpu/, /uploading Node/, /starting hive/, /installing ticker/];
  for (const phase of phases.slice(0, scaled(phases.length, 2))) {
    const cleared = await fleet.home.rbee(['uninstall', '--hive', 'pi', '--purge', '--yes']);
    assert.equal(cleared.code, 0, cleared.stdout + cleared.stderr);
    const sync = begin(['sync']);
    await sync.says(phase);
    await killAndWait(Number(readFileSync(fleet.home.paths.queenPid, 'utf8')));
    const { code, stderr } = await sync.ended;
    assert.equal(code, 1, stderr);
    const run = await fleet.home.rbee(['sync']);
    assert.equal(run.code, 0, `${phase}\n${run.stdout}\n${run.stderr}`);
    await declaredState();
  }
});

test('a second sync on a machine is refused, names the first one, and may take over', { skip }, async () => {
  const about = { owner: 'someone', about: 'a sync from desk (job-7)', since: new Date().toISOString() };
  const held = (until: number) => writeFileSync(leaseFile(), JSON.stringify({ ...about, until }));
  fleet.declare(conf.replace('id = "c"', 'id = "d"'));
  held(Date.now() + 50_000);
  const refused = await fleet.home.rbee(['sync']);
  assert.equal(refused.code, 1, refused.stdout);
  assert.match(refused.stdout, /hive pi .*a sync from desk \(job-7\)/);
  assert.match(refused.stdout, /--take-over/);
  const planned = await fleet.home.rbee(['sync', '--dry-run']);
  assert.equal(planned.code, 0, 'a plan needs no lease');
  const taken = await fleet.home.rbee(['sync', '--take-over']);
  assert.equal(taken.code, 0, taken.stdout + taken.stderr);
  assert.ok(!existsSync(leaseFile()));
  fleet.declare(conf);
  held(Date.now() - 1);
  const dead = await fleet.home.rbee(['sync', '--remove-extra']);
  assert.equal(dead.code, 0, dead.stdout + dead.stderr);
  await declaredState();
});

test('of two simultaneous syncs one does the work, and the machine is as declared', { skip }, async () => {
  fleet.declare(conf.replace('"pi"', '"box"').replace(/id = "(.)"/g, 'id = "box-$1"'));
  await box.shape({ mbit: 100 });
  const first = begin(['sync', '--hive', 'box']);
  await first.says(/uploading rbee/);
  const second = await fleet.home.rbee(['sync', '--hive', 'box']);
  assert.equal(second.code, 1, second.stdout + second.stderr);
  assert.match(second.stdout, /hive box .*a sync from/);
  const { code, stdout, stderr } = await first.ended;
  assert.equal(code, 0, stdout + stderr);
  assert.match((await fleet.home.rbee(['sync', '--hive', 'box'])).stdout, /nothing to do/);
  await box.shape({});
});
