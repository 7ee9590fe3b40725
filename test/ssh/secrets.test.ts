/** Secrets of workers on other machines travel over real SSH to the hives whose workers name them, and to no others. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { atFullScale } from '../harness/until.ts';

const teller = resolve(import.meta.dirname, '../fixtures/worker-teller');
const skip = cannot('network');
const token = 'token-for-pi-7d1a';
const other = 'not-for-any-machine-9c2e';
const newer = 'token-for-pi-the-second';

let fleet: TestFleet;
let pi: Host;
let box: Host;

const declared = (name: string): string => `[[hive]]
alias = "pi"
run = [{ type = "teller", id = "far", name = "far", options = { token = "secret:${name}" } }]

[[hive]]
alias = "box"
workers = [{ type = "teller" }]
`;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'], plugins: [teller] });
  [pi, box] = fleet.machines.hosts as [Host, Host];
});
after(() => fleet?.close());

/** Files below the home of a machine that contain a text. */
const holding = (host: Host, text: string): string[] =>
  host
    .files()
    .map((path) => host.path(path))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() && readFileSync(path).includes(text));

const secretsOf = (host: Host): string[] => {
  const folder = host.files().find((path) => path.endsWith('/secrets/'));
  return folder === undefined ? [] : readdirSync(host.path(folder)).sort();
};

/** What the engine was started with. */
const told = (): { token: string; argv: string[] } => {
  for (const { pid } of pi.processes()) {
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    if (!environ.includes('RBEE_WORKER_ID=far')) continue;
    const token = environ.find((line) => line.startsWith('TELLER_TOKEN='))?.slice('TELLER_TOKEN='.length) ?? '';
    return { token, argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  }
  throw new Error('worker far does not run');
};

test('a sync that names a missing secret says so and touches no machine', { skip }, async () => {
  fleet.declare(declared('tokn'));
  await fleet.home.json(['secret', 'set', 'token'], { input: token });
  await fleet.home.json(['secret', 'set', 'other'], { input: other });
  const run = await fleet.home.rbee(['sync', '--hive', 'pi']);
  assert.notEqual(run.code, 0);
  assert.match(run.stdout + run.stderr, /there is no secret tokn/);
  assert.deepEqual(pi.processes(), []);
  const check = await fleet.home.rbee(['validate', '--offline']);
  assert.match(check.stdout + check.stderr, /there is no secret tokn/);
});

test('a machine privately gets the secrets that its workers name, and no other machine gets any', {
  skip,
}, async () => {
  fleet.declare(declared('token'));
  const plan = await fleet.home.json(['sync', '--dry-run']);
  assert.match(JSON.stringify(plan), /secret:token/);
  assert.ok(!JSON.stringify(plan).includes(token));
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.ok(!(run.stdout + run.stderr).includes(token));

  const { token: given, argv } = told();
  assert.equal(given, token);
  assert.ok(!argv.join(' ').includes(token));
  assert.deepEqual([secretsOf(pi), secretsOf(box)], [['token'], []]);
  const [file = ''] = holding(pi, token).filter((path) => !path.endsWith('.log'));
  assert.match(file, /\/secrets\/token$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
  assert.deepEqual([...holding(pi, other), ...holding(box, other), ...holding(box, token)], []);
  assert.deepEqual(
    holding(pi, token).filter((path) => path !== file && !/\/logs\/worker-far\.log$/.test(path)),
    [],
  );

  const log = await fleet.home.rbee(['worker', 'logs', 'far']);
  assert.match(log.stdout, /I was given .*secret:token/);
});

test('a changed value is not drift, and takes effect with a restart', { skip }, async () => {
  await fleet.home.json(['secret', 'set', 'token'], { input: newer });
  const { plan } = await fleet.home.json(['sync', '--dry-run']);
  assert.equal(plan.inSync, true);
  assert.equal(told().token, token);
  await fleet.home.json(['worker', 'restart', 'far']);
  assert.equal(told().token, newer);
  // The older value may still appear in a log that the hive serves.
  const log = await fleet.home.rbee(['worker', 'logs', 'far', '--lines', '1000']);
  assert.ok(!log.stdout.includes(token) && !log.stdout.includes(newer), log.stdout);
});

test('a restarted hive keeps the secret for its worker, and drops it with the worker', {
  skip: skip || atFullScale,
}, async () => {
  const restart = await fleet.home.rbee(['hive', 'restart', 'pi']);
  assert.equal(restart.code, 0, restart.stderr);
  assert.deepEqual(secretsOf(pi), ['token']);
  await fleet.home.json(['worker', 'stop', 'far']);
  await fleet.home.json(['worker', 'start', 'far']);
  assert.equal(told().token, newer);
  await fleet.home.json(['worker', 'delete', 'far']);
  assert.deepEqual(secretsOf(pi), []);
  assert.deepEqual(
    holding(pi, newer).filter((path) => !path.endsWith('.log')),
    [],
  );
});
