/** The machine commands against a queen that plays what a test gives it: flags, exit codes, questions, Ctrl-C. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { HiveReport, SyncPlan, SyncReport, SyncResult } from '../../core/contract/api/sync.ts';
import type { ErrorBody } from '../../core/contract/errors.ts';
import { type FakeJobs, startFakeJobs } from '../harness/fake-jobs.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { atTerminal } from '../harness/terminal.ts';

let home: TestHome;
let queen: FakeJobs | undefined;
let conf: string;
before(() => {
  home = createHome();
  conf = join(home.paths.config, 'hives.conf');
  delete home.env['SSH_AUTH_SOCK'];
  home.env['LC_ALL'] = 'C';
});
afterEach(async () => {
  await queen?.close();
  queen = undefined;
  rmSync(home.paths.queenSocket, { force: true });
  rmSync(conf, { force: true });
});
after(() => home.close());

const start = async (...given: [Parameters<typeof startFakeJobs>[1], Parameters<typeof startFakeJobs>[2]?]) => {
  queen = await startFakeJobs(home.paths.queenSocket, ...given);
  return queen;
};

const unreachable: ErrorBody = {
  code: 'SSH_UNREACHABLE',
  message: 'hive beta (10.0.0.2) cannot be reached: connection refused',
  hint: 'check that its sshd runs',
};
const plan: SyncPlan = {
  config: '/hives.conf',
  steps: 1,
  inSync: false,
  hives: [
    {
      alias: 'alpha',
      hostname: '10.0.0.1',
      status: 'absent',
      steps: [{ kind: 'install_hive', from: null, to: '0.2.0-abcd1234', start: true }],
      extra: [],
      problems: [],
      complete: false,
      fine: 0,
    },
    {
      alias: 'beta',
      hostname: '10.0.0.2',
      status: 'unreachable',
      steps: [],
      extra: [],
      problems: [unreachable],
      complete: false,
      fine: 0,
    },
  ],
};
const hiveReport = (alias: string, change: Partial<HiveReport>): HiveReport => ({
  alias,
  hostname: alias,
  state: 'done',
  steps: [],
  problems: [],
  ms: 1200,
  retry: null,
  ...change,
});
const done = hiveReport('alpha', {
  steps: [{ step: plan.hives[0]!.steps[0]!, state: 'done', error: null, attempts: 1, ms: 1200 }],
});
const failed = hiveReport('beta', { state: 'failed', problems: [unreachable], retry: 'rbee sync --hive beta' });
const report = (hives: readonly HiveReport[], change: Partial<SyncReport> = {}): SyncReport => ({
  config: '/hives.conf',
  hives,
  counts: { hives: hives.length, unchanged: 0, done: 1, failed: 1, skipped: 0 },
  partial: false,
  failed: false,
  cancelled: false,
  startedAt: '2026-01-01T00:00:00Z',
  ms: 1500,
  retry: hives.some(({ retry }) => retry !== null) ? 'rbee sync --retry-failed' : null,
  ...change,
});
const result = (of: SyncReport | null) =>
  ({ kind: 'result', result: { plan, report: of } satisfies SyncResult }) as const;

describe('a wrong declaration', () => {
  it('is reported by validate and in the plan of a sync, with its line and a suggestion', async () => {
    const text = `[[hive]]
alias = "local"
workers = [
  { type = "wisper" },
  { type = "fake", version = "^7" },
]
run = [
  { type = "fake", id = "one", device = "cuda:7", variant = "cpuu" },
  { type = "fake", id = "two", options = { startDelai = 1 } },
]
`;
    writeFileSync(conf, text);
    const place = (line: number, problem: string, hint: RegExp) => ({
      at: `${conf}:${line}: hive local: ${problem}`,
      hint,
    });
    const runs = [
      place(8, 'worker type fake has no variant cpuu', /did you mean cpu\?/),
      place(8, 'its machine has no device cuda:7', /it has: .*cpu/),
      place(9, 'option startDelai of worker type fake: there is no such option', /./),
    ];
    const types = [
      place(4, 'there is no worker type wisper', /did you mean whisper\?/),
      place(5, 'there is no version ^7 of worker type fake', /which is on this machine/),
    ];
    // The entries of `run` are checked against the intended type only, not against another version of it.
    for (const [body, expected] of [
      [text, types],
      [text.replace(', version = "^7"', ''), [types[0]!, ...runs]],
    ] as const) {
      writeFileSync(conf, body);
      const run = await home.rbee(['validate', '--offline', '--json']);
      assert.equal(run.code, 1, run.stderr);
      const failed = JSON.parse(run.stdout).checks.filter(({ state }: { state: string }) => state === 'failed');
      for (const { at, hint } of expected) {
        const found = failed.find((one: { text: string }) => one.text === at);
        assert.ok(found, `${at}\n${run.stdout}`);
        assert.match(found.error.hint, hint);
      }
    }
    const dry = await home.rbee(['sync', '--dry-run', '--offline']);
    assert.match(dry.stdout, /there is no worker type wisper/);
    assert.match(dry.stdout, /:9: hive local: option startDelai/);
    assert.notEqual(dry.code, 0);
    await home.rbee(['queen', 'stop']);
  });
});

describe("the name of the queen's own machine", () => {
  it('cannot be given to another one', async () => {
    const run = await home.rbee(['hive', 'add', 'local', '10.0.0.7']);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /error: local is the queen's own machine, which is already a hive/);
    assert.equal(existsSync(conf), false);
  });
});

describe('what the user types', () => {
  it("becomes the input of the operation, along with the caller's SSH agent", async () => {
    const { asked } = await start({
      package_sync: () => [result(report([done]))],
      package_install: () => [result(null)],
    });
    const flags = '--hive alpha -H beta --remove-extra --force --retry-failed --update --parallel 3 --take-over';
    const more = '--accept-new-host-keys --offline --yes --config lab.conf';
    const env = { SSH_AUTH_SOCK: '/run/agent.sock' };
    const run = await home.rbee(['sync', ...`${flags} ${more}`.split(' ')], { env });
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(asked[0], {
      operation: 'package_sync',
      input: {
        hives: ['alpha', 'beta'],
        config: join(home.folder, 'lab.conf'),
        force: true,
        retryFailed: true,
        update: true,
        parallel: 3,
        takeOver: true,
        offline: true,
        yes: true,
        agent: '/run/agent.sock',
        acceptNewHostKeys: true,
        removeExtra: true,
      },
    });
    await home.rbee(['install', '--dry-run'], { env: { SSH_AUTH_SOCK: 'not/absolute' } });
    assert.deepEqual(asked[1], { operation: 'package_install', input: { dryRun: true } });
  });

  it("carries the caller's SSH agent in every command that connects to machines", async () => {
    const hive = {
      alias: 'alpha',
      status: 'online',
      since: '2026-01-01T00:00:00Z',
      reason: null,
      mode: 'ssh',
      pid: 1,
      version: null,
    };
    const ok = () => [{ kind: 'result', result: hive }] as const;
    const { asked } = await start({ hive_start: ok, hive_stop: ok, hive_restart: ok });
    for (const verb of ['start', 'stop', 'restart']) {
      const run = await home.rbee(['hive', verb, 'alpha'], { env: { SSH_AUTH_SOCK: '/a' } });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, /^alpha is online \(on another machine, over SSH, pid 1,/);
    }
    assert.deepEqual(
      asked.map(({ operation, input }) => [operation, input]),
      ['hive_start', 'hive_stop', 'hive_restart'].map((operation) => [operation, { hive: 'alpha', agent: '/a' }]),
    );
  });

  it('is refused if wrong, with a suggestion', async () => {
    const run = await home.rbee(['sync', '--no-start', '--remove-extras']);
    assert.deepEqual(
      [run.code, run.stderr.split('\n')[0]],
      [2, 'error: there is no flag --remove-extras; did you mean --remove-extra?'],
    );
    assert.equal((await home.rbee(['sync', '--parallel', '0'])).code, 2);
    assert.equal((await home.rbee(['uninstall'])).code, 2, 'there is no terminal for a question');
  });
});

describe('a sync', () => {
  it('shows the plan before and the report after, and exits with 3 when a part failed', async () => {
    await start({
      package_sync: () => [
        { kind: 'plan', plan },
        { kind: 'step', id: 'alpha', text: '1 step', on: 'hive alpha' },
        { kind: 'done', id: 'alpha', text: '1 step done', ms: 1200 },
        result(report([done, failed], { partial: true })),
      ],
    });
    const run = await home.rbee(['sync']);
    assert.equal(run.code, 3, run.stderr);
    assert.equal(
      run.stdout,
      [
        'HIVE   DO       WHAT                 WHY',
        'alpha  install  rbee 0.2.0-abcd1234  missing',
        '',
        'alpha: more steps may follow once its hive is running',
        'failed hive beta (10.0.0.2) cannot be reached: connection refused',
        '    try: check that its sshd runs',
        '',
        '1 step on 1 hive; problems on 1 hive',
        '',
        'HIVE   STATE   STEPS    TOOK',
        'alpha  done    1 done  1.2 s',
        'beta   failed  -       1.2 s',
        '',
        'failed hive beta (10.0.0.2) cannot be reached: connection refused',
        '    try: check that its sshd runs',
        'beta: retry with: rbee sync --hive beta',
        '',
        '2 hives: 1 done, 1 failed (1.5 s)',
        '',
      ].join('\n'),
    );
    assert.match(run.stderr, /^hive alpha: 1 step\ndone: hive alpha: 1 step done \(1\.2 s\)\n/);
    assert.match(run.stderr, /error: 1 of 2 hives failed to sync: beta\n.*rbee sync --retry-failed\n$/);
  });

  it('exits with 1 when nothing succeeded, and --json prints the whole result', async () => {
    const all = report([failed], { failed: true });
    await start({ package_sync: () => [{ kind: 'plan', plan }, result(all)] });
    const run = await home.rbee(['sync', '--json']);
    assert.equal(run.code, 1);
    assert.deepEqual(JSON.parse(run.stdout), { plan, report: all });
  });

  it('as a dry run exits with 3 when some machines cannot be reached', async () => {
    await start({ package_sync: () => [result(null)] });
    const run = await home.rbee(['sync', '--dry-run']);
    assert.equal(run.code, 3);
    assert.match(run.stdout, /^HIVE +DO +WHAT/);
  });

  it('is cancelled by Ctrl-C, and exits with 130', async () => {
    const { cancelled } = await start({
      package_sync: () => [{ kind: 'step', id: 'a', text: 'uploading rbee', on: 'hive alpha' }, 'wait'],
    });
    const child = home.start(['sync']);
    child.stderr?.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 130);
    assert.deepEqual(cancelled, ['job-0']);
  });

  it('continues in the background with --detach', async () => {
    await start({ package_sync: () => ['wait'] });
    assert.equal((await home.rbee(['sync', '--detach'])).stdout, 'job-0\n');
  });
});

describe('a question about a machine', () => {
  const asks = [
    { kind: 'ask', id: 'ask-1', question: 'Trust the key of beta?', choices: ['yes', 'no'] },
    'answer',
    { kind: 'ask', id: 'ask-2', question: 'Passphrase of ~/.ssh/id?', secret: true },
    'answer',
    result(report([done])),
  ] as const;

  it('is refused without a terminal', async () => {
    const { answers } = await start({ package_sync: () => asks });
    const run = await home.rbee(['sync']);
    assert.equal(run.code, 0, run.stderr);
    assert.doesNotMatch(run.stderr, /Trust the key|Passphrase/, 'a question without a terminal is not shown');
    assert.deepEqual(answers, [
      { id: 'ask-1', answer: 'no' },
      { id: 'ask-2', answer: '' },
    ]);
  });

  it('is read without echo if it is a secret, blanks included', async () => {
    const { answers } = await start({ package_sync: () => asks.slice(2) });
    const typed = { question: /Passphrase/, answer: ' hunter2 ' };
    const { code, shown } = await atTerminal(home, ['sync'], typed);
    assert.equal(code, 0, shown);
    assert.deepEqual(answers, [{ id: 'ask-2', answer: ' hunter2 ' }]);
    assert.match(shown, /Passphrase of ~\/\.ssh\/id\?/);
    assert.doesNotMatch(shown, /hunter2/);
  });

  it('is read with echo otherwise', async () => {
    const { answers } = await start({ package_sync: () => [...asks.slice(0, 2), result(report([done]))] });
    const { code, shown } = await atTerminal(home, ['sync'], { question: /Trust/, answer: 'yes' });
    assert.equal(code, 0, shown);
    assert.deepEqual(answers, [{ id: 'ask-1', answer: 'yes' }]);
  });
});

describe('rbee uninstall', () => {
  const removal = {
    ...plan,
    hives: [{ ...plan.hives[0]!, steps: [{ kind: 'uninstall_hive', purge: true } as const] }],
  };
  const plays = {
    package_uninstall: ({ dryRun }: Record<string, unknown>) => [
      { kind: 'plan', plan: removal } as const,
      { kind: 'result', result: { plan: removal, report: dryRun ? null : report([done]) } } as const,
    ],
  };
  const reads = { 'GET /v1/workers': { workers: [{ id: 'llamacpp-a', hive: 'alpha', pid: 7 }] } };

  it('lists what it removes, and does nothing without a yes', async () => {
    const { asked } = await start(plays, reads);
    const { code, shown } = await atTerminal(home, ['uninstall', '--purge'], { question: /Remove it/, answer: 'no' });
    assert.equal(code, 1, shown);
    assert.match(shown, /alpha \(10\.0\.0\.1\): uninstall rbee and all its data; stops 1 worker: llamacpp-a/);
    assert.deepEqual(
      asked.map(({ input }) => input),
      [{ purge: true, dryRun: true }],
    );
  });

  it('removes it after a yes, or without a question with --yes', async () => {
    const { asked } = await start(plays, reads);
    const { code, shown } = await atTerminal(home, ['uninstall', '-H', 'alpha'], {
      question: /Remove it/,
      answer: 'yes',
    });
    assert.equal(code, 0, shown);
    assert.equal((await home.rbee(['uninstall', '--hive', 'alpha', '--yes'])).code, 0);
    assert.deepEqual(
      asked.map(({ input }) => input),
      [{ hives: ['alpha'], dryRun: true }, { hives: ['alpha'] }, { hives: ['alpha'] }],
    );
  });
});

describe('drift', () => {
  const counts = { hives: 2, inSync: 1, drifted: 0, unreachable: 1, undeclared: 0, steps: 0 };
  const hives = [
    { alias: 'alpha', hostname: 'alpha', state: 'in-sync', summary: '' },
    { alias: 'beta', hostname: 'beta', state: 'unreachable', summary: 'connection refused' },
  ];
  const drift = { config: '/hives.conf', inSync: false, counts, hives, at: new Date().toISOString() };
  const started = new Date().toISOString();
  const fleet = {
    queen: { pid: 1, version: '0.1.0', url: 'http://127.0.0.1:8500', mode: 'attached-hive', startedAt: started },
    hives: [],
    workers: [],
    models: [],
  };
  const whole = { ...drift, declared: true, hives: hives.map((hive, index) => ({ ...hive, plan: plan.hives[index] })) };
  const plays = { package_status: () => [{ kind: 'result', result: whole } as const] };

  it('is shown by the plain status from what the queen knows, in one read', async () => {
    const { requests } = await start({}, { 'GET /v1/status': { ...fleet, drift } });
    const run = await home.rbee(['status']);
    assert.match(
      run.stdout,
      /drift {3}1 of 2 hives out of sync with \/hives\.conf \(checked \d+ s ago\)\nHIVE {2}STATE +DIFFERENCE\nbeta {2}unreachable {2}connection refused\n/,
    );
    assert.deepEqual(requests, ['GET /v1/status']);
    assert.deepEqual((await home.json(['status'])).drift, drift);
  });

  it('is looked up for --exit-code, which exits with 2, and shown in full with --verbose', async () => {
    await start(plays, { 'GET /v1/status': fleet });
    const code = await home.rbee(['status', '--exit-code']);
    assert.equal(code.code, 2);
    assert.match(code.stderr, /error: 1 of 2 hives differ from \/hives.conf: beta\n/);
    const verbose = await home.rbee(['status', '--verbose']);
    assert.equal(verbose.code, 0);
    assert.match(verbose.stdout, /alpha {2}install {2}rbee 0\.2\.0-abcd1234 {2}missing\n/);
    const json = await home.rbee(['status', '--exit-code', '--json']);
    assert.equal(json.code, 2);
    assert.deepEqual(JSON.parse(json.stdout).drift, whole);
  });

  it('is followed by --watch until Ctrl-C', async () => {
    let looks = 0;
    await start(
      {},
      {
        'GET /v1/status': (_: unknown, response: { end(text: string): void }) => {
          looks += 1;
          response.end(JSON.stringify({ ...fleet, models: looks > 1 ? ['demo'] : [] }));
        },
      },
    );
    const child = home.start(['status', '--watch', '--json']);
    const lines: { models: string[] }[] = [];
    child.stdout?.on('data', (piece) => {
      for (const line of String(piece).trim().split('\n')) lines.push(JSON.parse(line));
      if (lines.length === 2) child.kill('SIGINT');
    });
    assert.equal(await new Promise((resolve) => child.once('close', resolve)), 130);
    assert.deepEqual(
      lines.map(({ models }) => models),
      [[], ['demo']],
    );
  });
});

describe('hives.conf', () => {
  it('is edited by hive add and hive remove, which keep comments', async () => {
    writeFileSync(conf, '# my machines\n\n[[hive]]\nalias = "one" # the first\n');
    const added = await home.rbee(
      ['hive', 'add', 'two', '10.0.0.2', '--user', 'ml', '--port', '2222', '--identity-file', '~/.ssh/lab'].concat([
        '--label',
        'room=lab',
        '--worker',
        'llamacpp@^0.1',
        '--worker',
        'whisper',
        '--proxy-jump',
        'one',
      ]),
    );
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /^added two to .*hives\.conf, line 6\n.*rbee sync --hive two\n$/);
    const text = readFileSync(conf, 'utf8');
    assert.ok(text.startsWith('# my machines\n\n[[hive]]\nalias = "one" # the first\n\n[[hive]]\n'), text);
    for (const line of ['hostname = "10.0.0.2"', 'ssh_user = "ml"', 'ssh_port = 2222', 'proxy_jump = "one"'])
      assert.ok(text.includes(`\n${line}\n`), text);
    assert.ok(
      text.endsWith('workers = [\n  { type = "llamacpp", version = "^0.1" },\n  { type = "whisper" },\n]\n'),
      text,
    );
    assert.equal((await home.rbee(['hive', 'add', 'two'])).code, 1, 'it is already declared');
    assert.equal((await home.rbee(['hive', 'add', 'three', '--label', 'lab'])).code, 2);
    assert.equal(readFileSync(conf, 'utf8'), text);
    assert.equal((await home.rbee(['hive', 'remove', 'two'])).code, 0);
    assert.equal(readFileSync(conf, 'utf8').trimEnd(), '# my machines\n\n[[hive]]\nalias = "one" # the first');
    const unknown = await home.rbee(['hive', 'remove', 'onne']);
    assert.match(unknown.stderr, /does not declare a hive onne; did you mean one\?/);
  });

  it('provides machine names for completion, with or without a queen', async () => {
    writeFileSync(conf, '[[hive]]\nalias = "gpu-1"\nhostname = "gpu-1.lan"\n');
    assert.equal((await home.rbee(['__complete', '--', 'sync', '--hive', 'g'])).stdout, 'gpu-1\tgpu-1.lan\n');
    const hives = [{ alias: 'gpu-1', status: 'online' }];
    await start({}, { 'GET /v1/status': { queen: {}, hives, workers: [], models: [] } });
    assert.equal((await home.rbee(['__complete', '--', 'hive', 'logs', 'g'])).stdout, 'gpu-1\tonline\n');
  });

  it('is written by migrate, but never over an existing file', async () => {
    const migrated = { text: '[[hive]]\nalias = "one"\n', hives: 1, types: 0, workers: 0, notes: ['x is left out'] };
    await start({ package_migrate: () => [{ kind: 'result', result: migrated }] });
    const printed = await home.rbee(['migrate', '-']);
    assert.deepEqual([printed.stdout, printed.stderr], [migrated.text, 'warning: x is left out\n']);
    assert.equal((await home.rbee(['migrate', conf])).stdout, `wrote ${conf}: 1 hive, 0 worker types, 0 workers\n`);
    assert.equal(readFileSync(conf, 'utf8'), migrated.text);
    writeFileSync(conf, '# mine\n');
    const refused = await home.rbee(['migrate', conf]);
    assert.deepEqual(
      [refused.code, refused.stderr],
      [1, `error: the file ${conf} already exists\n  try: choose another path, or overwrite it with --force\n`],
    );
    assert.equal(readFileSync(conf, 'utf8'), '# mine\n');
    assert.equal((await home.rbee(['migrate', conf, '--force'])).code, 0);
    assert.equal(readFileSync(conf, 'utf8'), migrated.text);
  });

  it('is checked by validate, which exits with 1 when a check fails', async () => {
    const checks = [
      { check: 'file', hive: null, state: 'ok', text: 'it can be read', error: null, ms: 1 },
      { check: 'ssh', hive: 'beta', state: 'failed', text: 'connection refused', error: unreachable, ms: 5 },
    ];
    const { asked } = await start({
      package_validate: () => [{ kind: 'result', result: { config: conf, valid: false, checks } }],
    });
    const run = await home.rbee(['validate', '--offline']);
    assert.equal(run.code, 1);
    assert.equal(
      run.stdout,
      `ok   file      it can be read\nFAIL beta ssh  connection refused\n            try: check that its sshd runs\n\n${conf}: 1 of 2 checks failed\n`,
    );
    assert.deepEqual(asked[0]?.input, { offline: true });
  });
});

describe('the doctor', () => {
  it('checks hives.conf, the connections to its machines and their versions, and accepts no host key', async () => {
    writeFileSync(conf, '[[hive]]\nalias = "beta"\nhostname = "10.0.0.2"\n');
    const beta = { alias: 'beta', status: 'online', mode: 'ssh', version: '0.0.1', hostname: '10.0.0.2', reason: null };
    const check = {
      check: 'ssh',
      hive: 'beta',
      state: 'failed',
      text: 'its key is not known',
      error: unreachable,
      ms: 5,
    };
    const { answers } = await start(
      {
        package_validate: () => [
          { kind: 'ask', id: 'ask-1', question: 'Trust the key of beta?', choices: ['yes', 'no'] },
          'answer',
          { kind: 'result', result: { config: conf, valid: false, checks: [check] } },
        ],
      },
      {
        'GET /health': { status: 'ok', name: 'queen', version: '0.0.1', pid: 1 },
        'GET /v1/hives': { hives: [beta] },
        'GET /v1/status': { queen: {}, hives: [], workers: [], models: [] },
        'GET /v1/catalog': { types: [] },
      },
    );
    const run = await home.rbee(['doctor', '--json']);
    assert.equal(run.code, 1, run.stderr);
    const { checks } = JSON.parse(run.stdout) as { checks: { name: string; status: string; hint?: string }[] };
    const found = (name: string) => checks.filter((one) => one.name === name).map(({ status, hint }) => [status, hint]);
    assert.deepEqual(found('hives.conf'), [['ok', undefined]]);
    assert.deepEqual(found('version of beta'), [['warn', 'rbee sync --hive beta']]);
    assert.deepEqual(found('beta ssh'), [['fail', unreachable.hint]]);
    assert.deepEqual(answers, [{ id: 'ask-1', answer: 'no' }]);
    writeFileSync(conf, '[[hive]]\nalia = "beta"\n');
    const broken = await home.rbee(['doctor', '--json']);
    for (const place of [/hives\.conf:1:3: /, /hives\.conf:2:1: /]) assert.match(broken.stdout, place);
  });
});

describe('commands of earlier versions', () => {
  it('install-hive declares the machine and installs it, with a warning', async () => {
    const { asked } = await start({ package_install: () => [result(report([done]))] });
    const run = await home.rbee(['install-hive', 'alpha', '10.0.0.1', '--user', 'ml']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /^warning: rbee install-hive is deprecated\n {2}try: rbee hive add alpha/);
    assert.match(readFileSync(conf, 'utf8'), /alias = "alpha"\nhostname = "10\.0\.0\.1"\nssh_user = "ml"/);
    assert.deepEqual(asked, [{ operation: 'package_install', input: { hives: ['alpha'] } }]);
    assert.equal((await home.rbee(['install-hive', 'alpha'])).code, 0);
    assert.equal((await home.rbee(['install-hive', 'alpha', '10.0.0.9'])).code, 1, 'it is declared differently');
  });

  it('install-worker installs the type, with a warning', async () => {
    const plugin = {
      name: '@rbee/worker-llamacpp',
      version: '0.1.0',
      types: ['llamacpp'],
      installed: ['cpu'],
      source: 'installed',
    };
    const { asked } = await start({ worker_install: () => [{ kind: 'result', result: plugin }] });
    const run = await home.rbee(['install-worker', 'llamacpp', '--hive', 'alpha', '--json']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /^warning: rbee install-worker is deprecated\n/);
    assert.deepEqual(asked[0]?.input, { plugin: 'llamacpp', hive: 'alpha', ask: false });
  });
});
