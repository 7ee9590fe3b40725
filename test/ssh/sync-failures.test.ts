/**
 * A machine with a problem stops no other one. What failed is reported with its cause, and a later sync completes it.
 */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { cannot } from '../harness/machines.ts';
import { atFullScale } from '../harness/until.ts';

const skip = cannot('disk');
let fleet: TestFleet;

before(async () => {
  if (skip) return;
  fleet = await createFleet({
    hosts: ['good', 'far', { name: 'full', diskMegabytes: 40 }, 'odd'],
    queen: '[package]\nssh_timeout = 3',
  });
  fleet.machines.host('odd').setProgram('uname', '#!/bin/sh\ncase "$1" in -m) echo riscv64;; *) echo Linux;; esac\n');
  await fleet.machines.host('far').linkDown();
  fleet.declare(conf);
});
after(() => fleet?.close());

const entry = (alias: string): string => `
[[hive]]
alias = "${alias}"
run = [{ type = "ticker", name = "tick", id = "at-${alias}" }]
`;
const conf = ['good', 'far', 'full', 'odd'].map(entry).join('');

interface Report {
  hives: {
    alias: string;
    state: string;
    steps: { attempts: number }[];
    problems: { code: string }[];
    retry: string | null;
  }[];
  counts: Record<string, number>;
  partial: boolean;
  failed: boolean;
  retry: string | null;
}

test('one machine succeeds although three others fail, each with its cause and the command to retry', {
  skip,
}, async () => {
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 3, run.stdout + run.stderr);
  assert.match(run.stdout, /^good +done +3 done/m);
  assert.match(run.stdout, /^far +failed/m);
  assert.match(run.stdout, /✖ .*full.*is needed, .* is free/);
  assert.match(run.stdout, /✖ .*odd.*linux on riscv64/i);
  for (const name of ['far', 'full', 'odd'])
    assert.match(run.stdout, new RegExp(`^${name}: retry with: rbee sync --hive ${name}$`, 'm'));
  assert.match(run.stderr, /rbee sync --retry-failed/);
  const { workers } = await fleet.home.json(['worker', 'list', '--hive', 'good']);
  assert.deepEqual(
    workers.map(({ id, state }: Record<string, string>) => [id, state]),
    [['at-good', 'ready']],
  );
});

test('--retry-failed repeats only what failed, and says when nothing is left', { skip }, async () => {
  await fleet.machines.host('far').linkUp();
  fleet.machines.host('odd').setProgram('uname', null);
  const run = await fleet.home.rbee(['sync', '--retry-failed', '--json']);
  assert.equal(run.code, 3, run.stdout + run.stderr);
  const { report }: { report: Report } = JSON.parse(run.stdout);
  assert.deepEqual(
    report.hives.map(({ alias, state, problems }) => [alias, state, problems.map(({ code }) => code)]),
    [
      ['far', 'done', []],
      ['full', 'failed', ['HOST_FOLDER_UNUSABLE']],
      ['odd', 'done', []],
    ],
  );
  assert.equal(report.retry, 'rbee sync --retry-failed');
  fleet.declare(['good', 'far', 'odd'].map(entry).join(''));
  const one = await fleet.home.rbee(['sync', '--hive', 'far', '--parallel', '1']);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /^1 hive is in sync with .* nothing to do$/m);
  const nobody = await fleet.home.rbee(['sync', '--hive', 'nobody']);
  assert.notEqual(nobody.code, 0);
  assert.match(nobody.stderr, /nobody/);
});

test('an unknown type or a wrong option stops only what depends on it', { skip }, async () => {
  fleet.declare(
    `${entry('good')}${entry('far').replace('"ticker"', '"tickr"')}${entry('odd').replace('name =', 'options = { every = "x" }, name =')}`,
  );
  const run = await fleet.home.rbee(['sync', '--json']);
  assert.equal(run.code, 3, run.stdout + run.stderr);
  const { report }: { report: Report } = JSON.parse(run.stdout);
  assert.deepEqual(
    report.hives.map(({ alias, state }) => [alias, state]),
    [
      ['good', 'unchanged'],
      ['far', 'failed'],
      ['odd', 'failed'],
    ],
  );
  const { workers } = await fleet.home.json(['worker', 'list', '--hive', 'far']);
  assert.deepEqual(
    workers.map(({ id, state }: Record<string, string>) => [id, state]),
    [['at-far', 'ready']],
    'nothing that depends on it is touched',
  );
});

test('validate reports problems of the text, the types and the connection to each machine', { skip }, async () => {
  const checks = async (...args: string[]) => {
    const run = await fleet.home.rbee(['validate', '--json', ...args]);
    return { code: run.code, report: JSON.parse(run.stdout) };
  };
  const states = ({ report }: { report: { checks: { check: string; hive: string | null; state: string }[] } }) =>
    report.checks.map(({ check, hive, state }) => `${hive ?? '-'} ${check} ${state}`).sort();
  fleet.declare('[[hive]]\nalias = "good"\nhostnam = "x"\n');
  const text = await checks();
  assert.equal(text.code, 1);
  assert.match(text.report.checks[0].text, /hives\.conf:3:1: /);
  fleet.declare(
    '[[hive]]\nalias = "good"\n\n[[hive]]\nalias = "gone"\nhostname = "gone.invalid"\nworkers = [{ type = "tickr" }]\n',
  );
  const whole = await checks();
  assert.equal(whole.code, 1);
  assert.deepEqual(
    states(whole).filter((line) => !line.startsWith('good')),
    ['- file ok', 'gone dns failed', 'gone ssh failed', 'gone types failed'],
  );
  assert.ok(states(whole).includes('good ssh ok'));
  const offline = await checks('--offline');
  assert.ok(states(offline).includes('gone ssh skipped'));
  fleet.declare('[[hive]]\nalias = "good"\n');
  assert.equal((await checks()).code, 0);
});

// Only the sync reported these, one after the other: an unknown kind of device, a full disk, disabled forwarding.
test('validate and a dry run report everything that the sync would refuse, all at once', { skip }, async () => {
  const full = fleet.machines.host('full');
  const bad = [
    '{ type = "ticker", name = "tick", device = "gpu" }',
    '{ type = "ticker", name = "tock", model = "hf:o/m", variant = "cuda" }',
  ];
  fleet.declare(`[[hive]]\nalias = "full"\nrun = [\n${bad.join(',\n')}\n]\n`);
  const said = async () => {
    const validated = await fleet.home.rbee(['validate', '--json']);
    assert.equal(validated.code, 1, validated.stderr);
    const failed = JSON.parse(validated.stdout).checks.filter(({ state }: { state: string }) => state === 'failed');
    const dry = await fleet.home.rbee(['sync', '--dry-run']);
    return { failed: failed.map(({ text }: { text: string }) => text).join('\n'), dry: dry.stdout + dry.stderr };
  };
  const room = await said();
  assert.match(room.failed, /:4: hive full: unknown kind of device gpu$/m);
  assert.match(room.failed, /:5: hive full: worker type ticker has no variant cuda$/m);
  assert.match(room.failed, /is needed, .* is free$/m);
  assert.match(room.dry, /is needed, .* is free/);
  await full.run('mount -o remount,bind,noexec .', { asRoot: true });
  const noexec = await said();
  await full.run('mount -o remount,bind,exec .', { asRoot: true });
  for (const text of [noexec.failed, noexec.dry]) assert.match(text, /programs cannot be run from it/);
  assert.deepEqual(
    full.files().filter((file) => !file.endsWith('/')),
    [],
  );
  const good = fleet.machines.host('good');
  await good.configureSshd({ lines: ['AllowTcpForwarding no'] });
  fleet.declare('[[hive]]\nalias = "good"\n');
  assert.match((await said()).failed, /does not forward connections/);
  // With one session per connection, everything still works.
  await good.stopSshd({ connections: 'cut' });
  await good.configureSshd({ lines: ['MaxSessions 1'] });
  const sync = await fleet.home.rbee(['sync', '--force']);
  assert.equal(sync.code, 0, sync.stdout + sync.stderr);
  const validated = await fleet.home.rbee(['validate']);
  assert.equal(validated.code, 0, validated.stdout);
  await good.configureSshd({ lines: [] });
});

test('rbee install starts a missing worker, also offline', { skip }, async () => {
  fleet.declare(entry('good').replace('run =', 'workers = [{ type = "ticker" }]\nrun ='));
  const deleted = await fleet.home.rbee(['worker', 'delete', 'at-good']);
  assert.equal(deleted.code, 0, deleted.stderr);
  const run = await fleet.home.rbee(['install', '--offline']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /^good +start +at-good +missing$/m);
});

/**
 * An engine that is only this file; the machines have Python. It is different in each run, so the shared cache cannot
 * hold it.
 */
const engine = `#!/usr/bin/env python3
# ${randomUUID()}
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{}')
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Answer).serve_forever()
`;

test('the queen fetches and delivers an engine that a machine without internet cannot download', {
  skip: skip || atFullScale,
}, async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(engine);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    const { port } = server.address() as AddressInfo;
    const plugin = boxedPlugin(`http://127.0.0.1:${port}/engine`);
    const linked = await fleet.home.rbee(['plugins', 'link', plugin]);
    assert.equal(linked.code, 0, linked.stderr);
    fleet.declare('[[hive]]\nalias = "good"\nrun = [{ type = "boxed", name = "box", id = "boxed" }]\n');
    const run = await fleet.home.rbee(['sync']);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(asked, ['/engine'], 'once, by the queen');
    const { workers } = await fleet.home.json(['worker', 'list', '--hive', 'good']);
    assert.ok(workers.some(({ id, state }: Record<string, string>) => id === 'boxed' && state === 'ready'));
  } finally {
    server.close();
  }
  const again = await fleet.home.rbee(['sync', '--offline']);
  assert.match(again.stdout, /nothing to do/, again.stderr);
});

/** The ticker with an engine that must be downloaded. */
const boxedPlugin = (url: string): string => {
  const folder = join(fleet.home.folder, 'boxed');
  cpSync(tickerPlugin, folder, { recursive: true });
  const change = (file: string, changes: readonly (readonly [string, string])[]): void => {
    const path = join(folder, file);
    const text = changes.reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(path, 'utf8'));
    writeFileSync(path, text);
  };
  const sha256 = createHash('sha256').update(engine).digest('hex');
  const source = { kind: 'archive', id: 'boxed', format: 'file', url, sha256, member: 'engine' };
  change('package.json', [['ticker', 'boxed']]);
  change('index.js', [
    ["name: 'ticker'", "name: 'boxed'"],
    ["{ kind: 'module', id: 'ticker', script: 'engine.js' }", JSON.stringify(source)],
  ]);
  return folder;
};
