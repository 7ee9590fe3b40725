/**
 * Many machines from one file, synced as a user does it: the real command, a real sshd, and machines with nothing else
 * installed.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { listing } from '../harness/folder-listing.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let pi: Host;
let box: Host;
let lab: Host;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', { name: 'box', home: '/home/an n' }, { name: 'lab', behind: 'pi' }] });
  [pi, box, lab] = fleet.machines.hosts as [Host, Host, Host];
  fleet.declare(conf());
});
after(() => fleet?.close());

/** Arguments that a shell would change. */
const words = ['a b', `it's "q"`, '$(touch pwned)`touch pwned`', 'two\nlines', '', '*', '-x', 'ü☃'];

const conf = ({ pi = tickPi, box = tickBox, more = '' } = {}) => `# Mine.
[[hive]]
alias = "pi"
labels = { room = "attic" }
workers = [{ type = "ticker", version = "*" }]
run = [${pi}]

[[hive]]
alias = "box"
run = [${box}]

[[hive]]
alias = "lab"
run = [{ type = "ticker", name = "far", id = "far" }]
${more}`;

const tickPi = '{ type = "ticker", name = "tick", id = "tick-pi" }';
const tickBox = `{ type = "ticker", name = "tick", id = "tick-box", options = { words = ${JSON.stringify(words)} } }`;

/** `id hive state` of all workers, and their processes. */
const workers = async (): Promise<{ id: string; hive: string; state: string; pid: number }[]> =>
  (await fleet.home.json(['worker', 'list'])).workers;
const running = async (): Promise<string[]> =>
  (await workers()).map(({ id, hive, state }) => `${id} ${hive} ${state}`).sort();
const engine = (host: Host, id: string): { pid: number; argv: string[] } | undefined =>
  host
    .processes()
    .map(({ pid }) => ({ pid, argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1) }))
    .find(({ pid }) => new RegExp(`\\0RBEE_WORKER_ID=${id}\\0`).test(readFileSync(`/proc/${pid}/environ`, 'utf8')));
const processes = (): string[] =>
  [pi, box, lab].flatMap((host) => host.processes().map(({ pid, command }) => `${host.name} ${pid} ${command}`));
/** Everything that a sync might write on a host. Logs are excluded: daemons write them. */
const contents = (): string[] =>
  [pi, box, lab].flatMap((host) =>
    listing(host.path(), /\.log$|^\.cache|agent\.lock|\.sock$/).map((line) => `${host.name} ${line}`),
  );

test('a dry run shows the plan and leaves the machines unchanged', { skip }, async () => {
  const before = contents();
  const run = await fleet.home.rbee(['sync', '--dry-run']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^box +install +ticker 1\.0\.0 +missing$/m);
  assert.match(run.stdout, /^lab +start +far +missing$/m);
  assert.match(run.stdout, /^9 steps on 3 hives$/m);
  assert.deepEqual(contents(), before);
  const { plan, report } = await fleet.home.json(['sync', '--dry-run', '--hive', 'lab']);
  assert.equal(report, null);
  assert.deepEqual(
    plan.hives.map(({ alias, status, steps }: { alias: string; status: string; steps: { kind: string }[] }) => [
      alias,
      status,
      steps.map(({ kind }) => kind),
    ]),
    [['lab', 'absent', ['install_hive', 'install_worker', 'start_worker']]],
  );
  assert.deepEqual(processes(), []);
});

test('one sync turns bare machines into hives with workers', { skip }, async () => {
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /^3 hives: 3 done /m);
  assert.deepEqual(await running(), ['far lab ready', 'tick-box box ready', 'tick-pi pi ready']);
  const answer = await fleet.home.rbee(['infer', '-m', 'far', 'Hello']);
  assert.equal(answer.code, 0, answer.stderr);
  assert.match(answer.stdout, /0 1 2 3 4/);
  assert.match((await fleet.home.rbee(['hive', 'get', 'pi'])).stdout, /^labels +room=attic$/m);
});

test('arguments arrive as written, whatever a shell would make of them', { skip }, async () => {
  assert.deepEqual(engine(box, 'tick-box')?.argv.slice(-words.length), words);
  for (const host of [pi, box, lab])
    assert.deepEqual(
      host.files().filter((path) => /pwned/.test(path)),
      [],
    );
});

test("other users of a machine can read nothing of rbee's, and no key appears in a process list or log", {
  skip,
}, async () => {
  const keys = new Set<string>();
  for (const host of [pi, box, lab]) {
    const modes = await host.run('stat -c %a .local/share/rbee .local/state/rbee');
    assert.equal(modes.stdout, '700\n700\n');
    for (const { pid } of host.processes()) {
      for (const line of readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')) {
        const secret = /^RBEE_[A-Z_]*(?:KEY|TOKEN|NONCE)=(.{8,})$/.exec(line)?.[1];
        if (secret !== undefined) keys.add(secret);
      }
    }
  }
  assert.ok(keys.size > 0, 'workers have keys');
  const lists = processes().join('\n') + readFileSync(`/proc/self/cmdline`, 'utf8');
  const logs = [fleet.home.paths.logs]
    .concat([pi, box, lab].map((host) => host.path('.local/state')))
    .flatMap((folder) => logsBelow(folder));
  assert.ok(logs.length >= 4, 'queen, hives and workers have logs');
  for (const key of keys) {
    assert.ok(!lists.includes(key));
    for (const file of logs) assert.ok(!readFileSync(file, 'utf8').includes(key), file);
  }
});

test('a second sync changes, uploads and restarts nothing, and says so', { skip }, async () => {
  const [before, there] = [processes(), contents()];
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^all 3 hives are in sync with .*hives\.conf; nothing to do\n$/);
  assert.doesNotMatch(run.stderr, /upload|install|start/);
  assert.deepEqual(processes(), before);
  assert.deepEqual(contents(), there);
  const { report } = await fleet.home.json(['sync']);
  assert.deepEqual(report.counts, { hives: 3, unchanged: 3, done: 0, failed: 0, skipped: 0 });
});

test('status reports drift from what the queen knows, or from the machines on request', { skip }, async () => {
  const fine = await fleet.home.rbee(['status', '--exit-code']);
  assert.equal(fine.code, 0, fine.stderr);
  await drift('in-sync in-sync in-sync');
  fleet.declare(conf({ pi: `${tickPi}, { type = "ticker", name = "two", id = "two" }` }));
  await drift('drifted in-sync in-sync');
  const shown = await fleet.home.rbee(['status']);
  assert.match(shown.stdout, /^drift +1 of 3 hives out of sync with .*hives\.conf/m);
  assert.match(shown.stdout, /^pi +drifted +1 worker to start$/m);
  assert.equal(shown.code, 0);
  const strict = await fleet.home.rbee(['status', '--exit-code', '--verbose']);
  assert.equal(strict.code, 2);
  assert.match(strict.stdout, /^pi +start +two +missing$/m);
  assert.match(strict.stderr, /differ from/);
});

const drift = (states: string): Promise<unknown> =>
  until(
    async () => {
      const { drift } = await fleet.home.json(['status']);
      return drift?.hives.map(({ state }: { state: string }) => state).join(' ') === states;
    },
    { what: `drift ${states}` },
  );

test('a sync touches only what the declaration changed', { skip }, async () => {
  const before = new Map((await workers()).map(({ id, pid }) => [id, pid]));
  const other = tickBox.replace('options = {', 'options = { every = 5,');
  fleet.declare(conf({ pi: `${tickPi}, { type = "ticker", name = "two", id = "two" }`, box: other }));
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^box +replace +tick-box +/m);
  assert.match(run.stdout, /^pi +start +two +missing$/m);
  const now = new Map((await workers()).map(({ id, pid }) => [id, pid]));
  for (const id of ['tick-pi', 'far']) assert.equal(now.get(id), before.get(id), id);
  assert.notEqual(now.get('tick-box'), before.get('tick-box'));
  assert.equal(engine(box, 'tick-box')?.argv.at(-1 - words.length), '5');
});

test('undeclared workers stay without --remove-extra, and are removed with it', { skip }, async () => {
  fleet.declare(conf());
  const kept = await fleet.home.rbee(['sync']);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stdout, /^pi: not declared, kept \(remove with --remove-extra\): the worker two$/m);
  assert.ok((await running()).includes('two pi ready'));
  const gone = await fleet.home.rbee(['sync', '--remove-extra']);
  assert.equal(gone.code, 0, gone.stderr);
  assert.deepEqual(await running(), ['far lab ready', 'tick-box box ready', 'tick-pi pi ready']);
});

test('a file that migrate wrote matches the fleet, and syncing it changes nothing', { skip }, async () => {
  const file = join(fleet.home.folder, 'migrated.conf');
  const run = await fleet.home.rbee(['migrate', file]);
  assert.equal(run.code, 0, run.stderr);
  const { plan } = await fleet.home.json(['sync', '--dry-run', '--config', file]);
  assert.equal(plan.inSync, true, JSON.stringify(plan));
  assert.match(readFileSync(file, 'utf8'), /room = "attic"/);
  const again = await fleet.home.rbee(['migrate', file]);
  assert.notEqual(again.code, 0, 'it overwrites no file');
});

test('hive add and hive remove edit the file and keep its comments', { skip }, async () => {
  const file = join(fleet.home.paths.config, 'hives.conf');
  const before = readFileSync(file, 'utf8');
  const added = await fleet.home.rbee(['hive', 'add', 'shed', 'shed.lan', '--user', 'ml', '--worker', 'ticker@^1']);
  assert.equal(added.code, 0, added.stderr);
  assert.match(readFileSync(file, 'utf8'), /^# Mine\.\n[\s\S]*alias = "shed"/);
  const twice = await fleet.home.rbee(['hive', 'add', 'shed']);
  assert.match(twice.stderr, /already declares a hive shed/);
  const removed = await fleet.home.rbee(['hive', 'remove', 'shed']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(readFileSync(file, 'utf8').trimEnd(), before.trimEnd());
});

test("the queen's own machine is synced like the others", { skip }, async () => {
  fleet.declare(conf({ more: '[[hive]]\nalias = "local"\nrun = [{ type = "ticker", name = "here", id = "here" }]\n' }));
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stderr);
  assert.ok((await running()).includes('here local ready'));
  fleet.declare(conf());
  assert.equal((await fleet.home.rbee(['sync', '--remove-extra', '--hive', 'local'])).code, 1, 'it is not declared');
  assert.equal((await fleet.home.rbee(['worker', 'delete', 'here'])).code, 0);
});

test('a hive that the file no longer names is reported, and removed on request', { skip }, async () => {
  const text = conf();
  fleet.declare(text.slice(0, text.indexOf('[[hive]]\nalias = "lab"')));
  const kept = await fleet.home.rbee(['sync']);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stdout, /^lab: not declared, kept \(remove with --remove-extra\): rbee itself$/m);
  const unasked = await fleet.home.rbee(['sync', '--remove-extra']);
  assert.equal(unasked.code, 1, unasked.stdout);
  assert.match(unasked.stderr, /error: this would remove rbee and everything it runs from lab,.*\n.*--yes/);
  assert.match((await fleet.home.rbee(['sync'])).stdout, /nothing to do/);
  const gone = await fleet.home.rbee(['sync', '--remove-extra', '--yes']);
  assert.equal(gone.code, 0, gone.stdout + gone.stderr);
  assert.match(gone.stdout, /^lab +uninstall +rbee/m);
  assert.deepEqual(lab.processes(), []);
  assert.ok(!existsSync(lab.path('.local/share/rbee/versions')));
  const { hives } = await fleet.home.json(['hive', 'list']);
  assert.deepEqual(
    hives.map(({ alias }: { alias: string }) => alias),
    ['local', 'pi', 'box'],
  );
});

test('uninstall keeps models and logs, and with --purge nothing', { skip }, async () => {
  const asked = await fleet.home.rbee(['uninstall', '--hive', 'box', '--yes']);
  assert.equal(asked.code, 0, asked.stdout + asked.stderr);
  // The last agent may still be exiting when the command has ended.
  await until(() => box.processes().length === 0, { what: 'the end of all processes on box' });
  assert.deepEqual(await running(), ['tick-pi pi ready']);
  assert.equal((await fleet.home.json(['worker', 'list'])).absent, undefined, 'no worker is running unseen');
  const left = box.files().filter((path) => /rbee/.test(path));
  assert.ok(left.some((path) => /logs\/hive\.log$/.test(path)));
  assert.ok(!left.some((path) => /versions\/.|runtimes\/.|agent\/.|uploads\/./.test(path)), left.join('\n'));
  for (const name of ['box', 'pi']) {
    const purged = await fleet.home.rbee(['uninstall', '--hive', name, '--purge', '--yes']);
    assert.equal(purged.code, 0, purged.stdout + purged.stderr);
    const host = fleet.machines.host(name);
    assert.deepEqual(
      host.files().filter((path) => /rbee/.test(path)),
      [],
    );
    await until(() => host.processes().length === 0, { what: `the end of all processes on ${name}` });
  }
});

const logsBelow = (folder: string): string[] => {
  const found = listing(folder).map((line) => join(folder, line.replace(/ \S+ \S*$/, '')));
  return found.filter((file) => file.endsWith('.log'));
};
