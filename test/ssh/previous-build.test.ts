/** A machine set up by the previous build, whose hive still runs, under a queen of this build. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { living } from '../harness/living.ts';
import { cannot, type Host } from '../harness/machines.ts';
import {
  copyFilled,
  filled,
  pluginValues,
  previousBuild,
  previousId,
  type RecordedRun,
  runsIn,
  startTimeOf,
  trivialPlugin,
} from '../harness/previous-build.ts';
import { until } from '../harness/until.ts';

const skip = cannot('network');
const runs = runsIn('machine/state/runs');
const node = '.local/share/rbee/runtimes/node-26.10.0-linux-x64/bin/node';
let fleet: TestFleet;
let pi: Host;
/** PIDs as the machine sees them. */
const pids = new Map<string, number>();

const own = (host: Host) => host.run('chown -R ann: .local && chmod -R go= .local', { asRoot: true });

const startThere = async (host: Host, { id, nonce, plan }: RecordedRun): Promise<number> => {
  const env = Object.entries({ ...plan.env, RBEE_RUN_NONCE: nonce, RBEE_WORKER_ID: id });
  const words = ['env', ...env.map(([name, value]) => `${name}=${value}`), 'setsid', ...plan.argv];
  const { stdout } = await host.run(
    `cd ${plan.cwd} && { ${words.join(' ')} > worker-${id}.log 2>&1 < /dev/null & } && echo $!`,
  );
  return Number(stdout);
};

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi'], plugins: [tickerPlugin, trivialPlugin] });
  pi = fleet.machines.host('pi');
  const read = async (file: string): Promise<string> => (await pi.run(`cat ${file}`)).stdout.trim();
  const machine = (await read('/etc/machine-id')).slice(0, 12);
  const values: Record<string, string | number> = {
    ...pluginValues,
    HOME: fleet.home.folder,
    MACHINE: machine,
    BOOT: await read('/proc/sys/kernel/random/boot_id'),
  };
  for (const [nth, id] of runs.entries()) {
    Object.assign(values, { [`${id}.port`]: 18_000 + nth, [`${id}.pid`]: 0, [`${id}.startTime`]: '' });
  }
  const [share, state] = ['.local/share/rbee', `.local/state/rbee/${machine}`];
  copyFilled('machine/share', pi.path(share), values);
  symlinkSync(`versions/${previousId}`, pi.path(`${share}/current`));
  const program = pi.path(`${share}/versions/${previousId}/dist/hive/daemon.js`);
  mkdirSync(dirname(program), { recursive: true });
  cpSync(join(previousBuild, 'machine/stand-in.js'), program);
  mkdirSync(dirname(pi.path(node)), { recursive: true });
  cpSync(process.execPath, pi.path(node));
  mkdirSync(pi.path(`${state}/logs`), { recursive: true });
  await own(pi);
  for (const id of runs) {
    const record: RecordedRun = JSON.parse(filled(`machine/state/runs/${id}.json`, values));
    const pid = await startThere(pi, record);
    const { pid: outside = 0 } = pi.processes().find(({ inside }) => inside === pid) ?? {};
    pids.set(id, pid);
    Object.assign(values, { [`${id}.pid`]: pid, [`${id}.startTime`]: startTimeOf(outside) });
  }
  copyFilled('machine/state', pi.path(state), values);
  writeFileSync(join(dirname(program), 'answers.json'), filled('machine/answers.json', values));
  await own(pi);
  await pi.run(
    `cd ${state} && setsid ~/${node} --expose-gc ~/${share}/current/dist/hive/daemon.js > logs/hive.log 2>&1 < /dev/null &`,
  );
  await until(async () => (await read(`${state}/hive.pid`)) !== '', { what: 'the hive of the previous build' });
  copyFilled('home/config', fleet.home.paths.config, values);
  mkdirSync(fleet.home.paths.state, { recursive: true, mode: 0o700 });
  for (const name of ['machines.json', 'sync-journal.json', 'queen.id']) {
    writeFileSync(join(fleet.home.paths.state, name), filled(`home/state/${name}`, values));
  }
});
after(() => fleet?.close());

const engines = (): string[] =>
  pi.processes().flatMap(({ inside, command }) => (command.includes('engine.js') ? [String(inside)] : []));
const expectSame = async (): Promise<void> => {
  const { workers } = await fleet.home.json(['worker', 'list']);
  const seen = workers.map(({ id, pid, state }: Record<string, unknown>) => `${id} ${pid} ${state}`);
  assert.deepEqual(seen.sort(), runs.map((id) => `${id} ${pids.get(id)} ready`).sort());
};
const answer = async (name: string): Promise<string> => {
  const run = await fleet.home.rbee(['infer', '-m', name, '--max-tokens', '3', 'Hello']);
  assert.equal(run.code, 0, run.stderr);
  return run.stdout.trim();
};

test('the old hive is found with its workers, from what the previous queen remembered', { skip }, async () => {
  await living(fleet).becomes('pi', 'online');
  await expectSame();
  for (const id of runs) assert.equal(await answer(id), '0 1 2');
});

// A hive too old to answer what it lacks was taken for one that lacks nothing, and was asked to spawn.
test('what the old hive cannot do is refused, with the command that updates it', { skip }, async () => {
  const run = await fleet.home.rbee(['worker', 'spawn', '--hive', 'pi', '--type', 'trivial', '--json']);
  assert.equal(run.code, 1);
  const { code, hint } = JSON.parse(run.stdout).error;
  assert.deepEqual([code, hint], ['HIVE_OUTDATED', 'update it with: rbee sync --hive pi; its workers keep running']);
});

test('a sync updates the hive while its workers keep running undisturbed', { skip }, async () => {
  const look = await fleet.home.rbee(['sync', '--dry-run']);
  assert.match(look.stdout, new RegExp(`^pi +install +rbee \\S+ +replaces ${previousId}$`, 'm'));
  assert.doesNotMatch(look.stdout, /^pi +replace +|start +far/m);
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.notEqual(basename(readlinkSync(pi.path('.local/share/rbee/current'))), previousId);
  await expectSame();
  assert.match((await fleet.home.rbee(['sync'])).stdout, /nothing to do/);
});

test('afterwards the hive does all that this build can, and its old workers can be changed like any others', {
  skip,
}, async () => {
  for (const id of runs) assert.equal(await answer(id), '0 1 2');
  await fleet.home.json(['worker', 'spawn', '--hive', 'pi', '--type', 'trivial', '--id', 'new']);
  await fleet.home.json(['worker', 'restart', 'hand']);
  assert.equal(await answer('hand'), '0 1 2');
  await fleet.home.json(['worker', 'delete', '--all', '--now']);
  assert.deepEqual(engines(), []);
  assert.deepEqual((await fleet.home.json(['worker', 'list'])).workers, []);
});
