/**
 * A lying machine may put anything into any text. Each command runs against a queen with hostile text in every field,
 * and the bytes it writes are checked.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { PackageReport } from '../../core/conformance/check-messages.ts';
import { loadConfig } from '../../core/keeper/main.ts';
import { formatExamination } from '../../core/keeper/views/examination.ts';
import { printableJson } from '../../core/narration/printable.ts';
import { Recorder } from '../../core/narration/testing.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { failing, type HostileQueen, served, startHostileQueen } from '../harness/hostile-queen.ts';
import { harmIn, hostile, hostileLines, hostileText, hostileWord, keeping } from '../harness/hostile-text.ts';
import { atTerminal } from '../harness/terminal.ts';
import { atFullScale } from '../harness/until.ts';

interface Run {
  args: readonly string[];
  /** Its output contains nothing from outside. */
  plain?: true;
  /** The expected `--json` output, where it is what was served; false where `--json` is not tried. */
  json?: unknown;
  env?: NodeJS.ProcessEnv;
  input?: string;
}

const word = hostileWord;
const fileWord = hostileWord.replaceAll('/', '');

/** With a queen. Every oclif command id is here or in `alone`. */
const asking: Record<string, Run | Run[]> = {
  __complete: { args: ['__complete', '--', 'worker', 'get', ''], plain: true, json: false },
  'catalog:refresh': { args: ['catalog', 'refresh'], json: served.catalog },
  doctor: { args: ['doctor'] },
  embed: { args: ['embed', word] },
  'hive:devices': { args: ['hive', 'devices'], json: served.devices },
  'hive:get': { args: ['hive', 'get', word], json: served.hive },
  'hive:list': [
    { args: ['hive', 'list'], json: served.hives },
    { args: ['hive', 'list', '--no-start'], json: served.hives },
  ],
  'hive:logs': { args: ['hive', 'logs', word] },
  'hive:restart': { args: ['hive', 'restart'], json: served.hive },
  'hive:ssh-test': { args: ['hive', 'ssh-test', word] },
  'hive:start': { args: ['hive', 'start'], json: served.hive },
  'hive:status': { args: ['hive', 'status', word], json: served.hive },
  'hive:stop': { args: ['hive', 'stop', word], json: served.hive },
  image: { args: ['image', word, '--output', fileWord] },
  infer: [
    { args: ['infer', '--stats', '-m', word, word] },
    { args: ['infer', '--detach', word] },
    { args: ['infer', '-m', failing, word] },
  ],
  install: { args: ['install'] },
  'install-worker': { args: ['install-worker', word] },
  'job:attach': ['worker_spawn', 'worker_delete', 'worker_stop', 'package_sync', 'hive_start', 'model_get'].map(
    (operation) => ({ args: ['job', 'attach', `${word} goes ${operation}`] }),
  ),
  'job:cancel': { args: ['job', 'cancel', word], json: served.job },
  'job:get': { args: ['job', 'get', word] },
  'job:list': { args: ['job', 'list'], json: served.jobs },
  'job:watch': [
    { args: ['job', 'watch', `${word} goes worker_spawn`] },
    { args: ['job', 'watch', `${word} ${failing} worker_spawn`] },
  ],
  audit: { args: ['audit'] },
  'key:create': { args: ['key', 'create', 'plain-name'] },
  'key:list': { args: ['key', 'list'] },
  'key:revoke': { args: ['key', 'revoke', word] },
  'key:rotate': { args: ['key', 'rotate', word] },
  migrate: [{ args: ['migrate'] }, { args: ['migrate', fileWord] }],
  'model:delete': { args: ['model', 'delete', word], json: served.model },
  'model:download': { args: ['model', 'download', word], json: served.model },
  'model:gc': { args: ['model', 'gc'] },
  'model:get': { args: ['model', 'get', word], json: served.model },
  'model:list': { args: ['model', 'list'], json: served.models },
  'model:verify': { args: ['model', 'verify'] },
  'plugins:inspect': { args: ['plugins', 'inspect', word] },
  'plugins:install': { args: ['plugins', 'install', word] },
  'plugins:link': { args: ['plugins', 'link', word] },
  'plugins:list': { args: ['plugins', 'list'] },
  'plugins:prune': { args: ['plugins', 'prune'] },
  'plugins:search': { args: ['plugins', 'search'] },
  'plugins:uninstall': { args: ['plugins', 'uninstall', word] },
  'plugins:update': { args: ['plugins', 'update'] },
  'queen:status': { args: ['queen', 'status'] },
  'secret:delete': { args: ['secret', 'delete', word], json: served.secret },
  'secret:list': { args: ['secret', 'list'], json: served.secrets },
  'secret:set': { args: ['secret', 'set', word], json: served.secret, input: 'value of it' },
  status: [
    { args: ['status'], json: served.status },
    { args: ['status', '--no-start'], json: served.status },
    { args: ['status', '--verbose', '--exit-code'] },
  ],
  sync: { args: ['sync'] },
  transcribe: [
    { args: ['transcribe', '-'], input: 'sound' },
    { args: ['transcribe', '-', '--format', 'verbose_json'], input: 'sound' },
    { args: ['transcribe', '-', '--format', 'srt'], input: 'sound' },
  ],
  uninstall: { args: ['uninstall', '--yes'] },
  validate: { args: ['validate'] },
  'worker:delete': [
    { args: ['worker', 'delete', word], json: served.worker },
    { args: ['worker', 'delete', word, failing] },
  ],
  'worker:get': [
    { args: ['worker', 'get', word], json: served.worker },
    { args: ['worker', 'get', failing], json: served.error },
  ],
  'worker:list': [
    { args: ['worker', 'list'], json: served.workers },
    { args: ['worker', 'list', '--no-start'], json: served.workers },
  ],
  'worker:logs': [{ args: ['worker', 'logs', word] }, { args: ['worker', 'logs', word, '--follow'] }],
  'worker:restart': { args: ['worker', 'restart', word], json: served.worker },
  'worker:sleep': { args: ['worker', 'sleep', word], json: served.worker },
  'worker:spawn': { args: ['worker', 'spawn', '--type', word], json: served.worker },
  'worker:start': { args: ['worker', 'start', word], json: served.worker },
  'worker:status': { args: ['worker', 'status', word] },
  'worker:stop': { args: ['worker', 'stop', word], json: served.worker },
  'worker:wake': { args: ['worker', 'wake', word], json: served.worker },
};

/** Without a queen, in a home with hostile files. */
const alone: Record<string, Run | Run[]> = {
  __plugin: { args: ['__plugin', word], plain: true, json: false },
  completion: { args: ['completion', 'zsh'], plain: true },
  demo: { args: ['demo'], env: { TMPDIR: `/nowhere/${fileWord}` } },
  docs: { args: ['docs', 'hives'], plain: true },
  'hive:add': [{ args: ['hive', 'add', word] }, { args: ['hive', 'add', 'gpu-1', '--config', fileWord], json: false }],
  'hive:disable': { args: ['hive', 'disable'] },
  'hive:enable': { args: ['hive', 'enable'] },
  'hive:remove': { args: ['hive', 'remove', word] },
  'install-hive': { args: ['install-hive', word] },
  'plugins:check': { args: ['plugins', 'check', word] },
  'plugins:create': [
    { args: ['plugins', 'create', word] },
    { args: ['plugins', 'create', 'mine', '--yes', '--folder', fileWord] },
  ],
  'queen:disable': { args: ['queen', 'disable'] },
  'queen:enable': { args: ['queen', 'enable'] },
  'queen:logs': { args: ['queen', 'logs'] },
  'queen:restart': { args: ['queen', 'restart'] },
  'queen:start': { args: ['queen', 'start'] },
  'queen:stop': { args: ['queen', 'stop'], plain: true },
};

/** Errors repeat what was mistyped; a plugin is listed with its own description. */
const mistyped: Run[] = [
  { args: [word] },
  { args: ['worker', word] },
  { args: [`--${word}`] },
  { args: ['worker', 'list', `--${word}`] },
  { args: ['worker', 'logs', 'w', '--lines', word] },
  { args: ['completion', word] },
  { args: ['worker', 'spawn', '--type', 'x', '--option', word] },
];

let home: TestHome;
let ruined: TestHome;
let queen: HostileQueen;
before(async () => {
  home = createHome({ plugins: [] });
  queen = await startHostileQueen(home.paths.queenSocket);
  ruined = createHome({ plugins: [] });
  ruin(ruined);
});
after(async () => {
  await queen?.close();
  await home?.close();
  await ruined?.close();
});

/** Settings, a log, a system program and a plugin, each with hostile text. */
const ruin = ({ folder, paths }: TestHome): void => {
  const key = printableJson(hostileText.replace(/\p{Cs}|[\u{e0000}-\u{e0fff}]/gu, ''));
  writeFileSync(paths.rbeeConf, `[queen]\n${key} = 1\n`);
  writeFileSync(join(paths.config, 'hives.conf'), `[[hive]]\nalias = "gpu-1"\n${key} = 1\n`);
  const entry = { level: 30, time: 1, msg: hostileText, [hostileText]: hostileText, err: { stack: hostileText } };
  mkdirSync(paths.logs, { recursive: true });
  writeFileSync(join(paths.logs, 'queen.log'), `${JSON.stringify(entry)}\n${hostileText.replace('FORGED line', '')}\n`);
  const systemctl = join(folder, 'systemctl');
  writeFileSync(join(folder, 'words'), hostileText);
  writeFileSync(systemctl, `#!/bin/sh\ncat '${join(folder, 'words')}' >&2\nexit 1\n`);
  chmodSync(systemctl, 0o755);
  const plugin = join(folder, 'plugin');
  mkdirSync(plugin);
  const topics = { [`owls${hostileText}`]: { description: hostileText } };
  const shape = { id: 'owl', summary: hostileLines, description: hostileLines, flags: {}, args: {} };
  writeFileSync(
    join(plugin, 'package.json'),
    JSON.stringify({
      name: `@acme/worker-${hostileText}`,
      version: '1.0.0',
      oclif: { commands: './commands', topics },
    }),
  );
  writeFileSync(
    join(plugin, 'oclif.manifest.json'),
    JSON.stringify({ version: '1.0.0', commands: { owl: shape, status: { ...shape, id: 'status' } } }),
  );
  const plugins = [{ name: plugin, type: 'link', root: plugin }];
  writeFileSync(join(paths.data, 'package.json'), JSON.stringify({ oclif: { plugins } }));
};

const shownText = /\\x1b\]52;c|\\u001b\]52;c/;

/** The problems of one run; empty when all is well. */
const faultsOf = async (where: TestHome, run: Run, json: boolean): Promise<string[]> => {
  const args = json ? [...run.args, '--json'] : run.args;
  const env = { PATH: `${where.folder}:${process.env['PATH']}`, ...run.env };
  const child = where.start(args, { env });
  child.stdin?.on('error', () => {});
  child.stdin?.end(run.input ?? '');
  const [out, err] = await Promise.all([buffer(child.stdout!), buffer(child.stderr!), once(child, 'close')]);
  const faults = [...harmIn(out), ...harmIn(err)];
  const text = `${out}${err}`;
  if (!run.plain && !shownText.test(text)) faults.push(`nothing from outside is shown: ${text.slice(0, 300)}`);
  // A command that fails for the wrong reason has not shown the text yet.
  if (/rbee met a problem|is not a function|Cannot (read|destructure)/.test(text)) faults.push(text.slice(0, 600));
  if (json) {
    const values = jsonValues(String(out));
    if (values === null) faults.push(`not JSON: ${String(out).slice(0, 200)}`);
    else if (run.json !== undefined) assert.deepEqual(values[0], run.json, `${run.args} --json is not exact`);
  }
  return faults.map((fault) => `${JSON.stringify(args)}: ${fault}`);
};

/** Parses one JSON value, or one per line. */
const jsonValues = (text: string): unknown[] | null => {
  for (const parts of [[text], text.trim().split('\n')]) {
    try {
      return parts.map((part) => JSON.parse(part));
    } catch {
      // Try the other form.
    }
  }
  return null;
};

const allFaults = async (where: TestHome, runs: readonly Run[], modes: readonly boolean[]): Promise<string[]> => {
  const todo = runs
    .flatMap((run) => modes.filter((json) => !json || run.json !== false).map((json) => ({ run, json })))
    .values();
  const faults: string[] = [];
  const work = async (): Promise<void> => {
    for (const { run, json } of todo) faults.push(...(await faultsOf(where, run, json)));
  };
  await Promise.all([work(), work(), work(), work()]);
  return faults;
};

const listed = (table: Record<string, Run | Run[]>): Run[] => Object.values(table).flat();

describe('hostile text', () => {
  it('is tried on every command', async () => {
    const { commands } = await loadConfig({ ignoreManifest: true });
    const aliases = commands.flatMap((command) => command.aliases);
    const ids = commands.map(({ id }) => id).filter((id) => !aliases.includes(id));
    assert.deepEqual(Object.keys({ ...asking, ...alone }).sort(), ids.sort());
  });

  it('from the queen, its machines and engines reaches no output, plain or JSON', {
    skip: atFullScale,
  }, async () => {
    assert.deepEqual(await allFaults(home, listed(asking), [false, true]), []);
  });

  it('from files, programs and the environment reaches no output, plain or JSON', {
    skip: atFullScale,
  }, async () => {
    assert.deepEqual(await allFaults(ruined, listed(alone), [false, true]), []);
  });

  it('that was typed, or that a plugin says about itself, reaches no output', async () => {
    assert.deepEqual(await allFaults(home, mistyped, [false, true]), []);
    assert.deepEqual(await allFaults(ruined, [{ args: ['--help'] }, { args: ['help', 'owl'] }], [false]), []);
  });

  it('reaches no terminal where rbee itself uses control sequences', async () => {
    const env = { NO_COLOR: '', COLUMNS: '100' };
    for (const [args, typed] of [
      [['status']],
      [['infer', '-m', 'x', 'Hello']],
      [['sync']],
      [['worker', 'spawn', '--type', 'x'], { question: /\?\S* evil/, answer: 'evil' }],
      [['worker', 'get', failing]],
      [['uninstall'], { question: /Remove it\?/, answer: 'yes' }],
    ] as const) {
      const { shown } = await atTerminal(home, args, { env, ...typed });
      assert.deepEqual(harmIn(Buffer.from(shown), { terminal: true }), [], args.join(' '));
      assert.match(shown, shownText, args.join(' '));
    }
  });

  it('reaches no terminal that is redrawn, and no pipe', async () => {
    const watched = createHome({ plugins: [] });
    const fickle = await startHostileQueen(watched.paths.queenSocket, { statusReads: 2 });
    try {
      const { shown } = await atTerminal(watched, ['status', '--watch'], { env: { NO_COLOR: '' } });
      assert.deepEqual(harmIn(Buffer.from(shown), { terminal: true }), []);
      assert.match(shown, shownText);
      for (const json of [false, true]) {
        assert.deepEqual(await faultsOf(watched, { args: ['status', '--watch'] }, json), []);
      }
    } finally {
      await fickle.close();
      await watched.close();
    }
  });

  it('in a plugin report is shown harmless', () => {
    const result = { id: 'identity.name', title: 'x', outcome: 'failed', reason: 'x', ms: 1 } as const;
    const types = [{ type: 'x', passed: false, checks: [result] }];
    const report = { package: 'x', version: 'x', root: 'x', passed: false, types } as unknown as PackageReport;
    const screen = new Recorder(false);
    screen.show(hostile(report, keeping('id', 'outcome')), formatExamination);
    assert.deepEqual(harmIn(Buffer.from(screen.written)), []);
    assert.match(screen.written, shownText);
  });
});
