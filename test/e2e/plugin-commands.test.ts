/** Commands and hooks that installed and linked plugins add to the command line, in real processes. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { pluginFiles } from '../../core/plugins/testing/registry.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { atFullScale } from '../harness/until.ts';

let home: TestHome;
before(() => {
  home = createHome({ plugins: [] });
});
after(() => home?.close());
beforeEach(() => link());

/** Writes a worker type with commands; `files` are added to it, `oclif` goes into its package.json. */
const plugin = (type: string, oclif: object, files: Record<string, string>): string => {
  const folder = join(home.folder, 'plugins', type);
  rmSync(folder, { recursive: true, force: true });
  const peers = {
    peerDependencies: { '@oclif/core': '*', '@rbee/core': '*' },
    peerDependenciesMeta: { '@oclif/core': { optional: true }, '@rbee/core': { optional: true } },
  };
  const more = { oclif, ...peers };
  const all = { ...pluginFiles({ name: `@acme/worker-${type}`, type, more }), ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

/** Adds these folders to the plugin index, as `rbee plugins link` does. */
const link = (...folders: readonly string[]): void => {
  const plugins = folders.map((root) => ({ name: root, type: 'link', root }));
  writeFileSync(join(home.paths.data, 'package.json'), JSON.stringify({ oclif: { plugins } }));
};

const command = (summary: string, body: string): string => `import { Command, Flags } from '@oclif/core';
export default class Made extends Command {
  static summary = '${summary}';
  static flags = { name: Flags.string({ default: 'world' }) };
  async run() { const { flags } = await this.parse(Made); ${body} }
}`;
const hello = command('Say hello', "this.log('hello ' + flags.name + ' from ' + this.config.dataDir);");
const hook = (body: string): string => `export default async function () { ${body} }`;
const pattern = { commands: './commands' };

test('commands of an installed plugin run in both spellings until it is uninstalled', async () => {
  const folder = plugin(
    'owl',
    { ...pattern, topics: { owl: { description: 'Owls of all kinds' } } },
    { 'commands/owl/hello.js': hello },
  );
  await home.json(['plugins', 'install', folder, '--yes']);
  for (const words of [['owl', 'hello'], ['owl:hello']]) {
    const run = await home.rbee([...words, '--name', 'you']);
    assert.equal(run.stdout, `hello you from ${home.paths.data}\n`, run.stderr);
    assert.equal(run.stderr, '');
  }
  assert.match((await home.rbee(['--help'])).stdout, /owl +Owls of all kinds/);
  assert.match((await home.rbee(['owl'])).stdout, /owl hello +Say hello/);
  assert.match((await home.rbee(['help', 'owl', 'hello'])).stdout, /--name=<value>/);
  await home.json(['plugins', 'uninstall', 'owl']);
  const gone = await home.rbee(['owl', 'hello']);
  assert.equal(gone.code, 2);
  assert.match(gone.stderr, /there is no command owl/);
});

test('the example of docs/plugins.md starts a worker through the client, as an installed and as a linked plugin', async () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/plugins.md'), 'utf8');
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const folder = plugin('owl', pattern, { 'commands/owl/wake.js': example });
  await home.json(['plugins', 'install', folder, '--yes']);
  await home.json(['queen', 'stop']);
  const alone = await home.rbee(['owl', 'wake']);
  assert.deepEqual([alone.code, alone.stdout], [1, '']);
  assert.match(alone.stderr, /^error: .*queen.*\n {2}try: .*rbee queen start/, 'an error of the client keeps its hint');
  await home.json(['queen', 'start']);
  const wake = async () => {
    const run = await home.rbee(['owl', 'wake']);
    const [id = ''] = /^\S+(?= is ready\n$)/.exec(run.stdout) ?? [];
    assert.notEqual(id, '', run.stdout + run.stderr);
    return id;
  };
  const owl = await wake();
  assert.equal(await wake(), owl);
  await home.json(['worker', 'delete', owl]);
  await home.json(['plugins', 'uninstall', 'owl']);

  await home.json(['plugins', 'link', folder]);
  await home.json(['worker', 'delete', await wake()]);
});

test('a linked plugin extends a topic of rbee, with and without an oclif manifest', async () => {
  const folder = plugin('cat', pattern, { 'commands/worker/purr.js': command('Purr', `this.log('purr');`) });
  await home.json(['plugins', 'link', folder]);
  assert.equal((await home.rbee(['worker', 'purr'])).stdout, 'purr\n');
  const manifest = {
    version: '1.0.0',
    commands: {
      'worker:meow': {
        id: 'worker:meow',
        summary: 'Meow',
        flags: {},
        args: {},
        aliases: [],
        isESM: true,
        relativePath: ['commands', 'worker', 'purr.js'],
      },
    },
  };
  writeFileSync(join(folder, 'oclif.manifest.json'), JSON.stringify(manifest));
  const help = await home.rbee(['worker', '--help']);
  assert.match(help.stdout, /worker meow +Meow/);
  assert.match(help.stdout, /worker spawn/);
  assert.equal((await home.rbee(['worker', 'meow'])).stdout, 'purr\n');
});

test("an error that a plugin command throws is reported as intended, or as the plugin's fault", async () => {
  const errors = {
    'commands/sad/told.js': command(
      'Tell',
      `this.error('no owls left', { exit: 4, suggestions: ['call a forester'] });`,
    ),
    'commands/sad/typed.js': command(
      'Type',
      `const { Errors } = await import('@oclif/core'); throw new Errors.CLIError('the owls sleep');`,
    ),
    'commands/sad/exit.js': command('Exit', 'this.exit(7);'),
    'commands/sad/broken.js': command('Break', 'null.x;'),
  };
  link(plugin('sad', pattern, errors));
  const told = await home.rbee(['sad', 'told']);
  assert.equal(told.code, 4);
  assert.equal(told.stderr, 'error: no owls left\n  try: call a forester\n');
  const typed = await home.rbee(['sad', 'typed']);
  assert.equal(typed.code, 2);
  assert.equal(typed.stderr, 'error: the owls sleep\n  it comes from the plugin @acme/worker-sad\n');
  const exit = await home.rbee(['sad', 'exit']);
  assert.deepEqual([exit.code, exit.stdout, exit.stderr], [7, '', '']);
  const broken = await home.rbee(['sad', 'broken']);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /plugin @acme\/worker-sad failed in its command sad broken/);
  const wrong = await home.rbee(['sad', 'told', '--colour']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--colour/);
});

test("rbee's own command names win, and among plugins the first one does", async () => {
  const files = {
    'commands/status.js': command('Mine', `this.log('stolen');`),
    'commands/worker/index.js': command('Mine', `this.log('stolen');`),
    'commands/help.js': command('Mine', `this.log('stolen');`),
    'commands/pair.js': command('First', `this.log('first');`),
  };
  const first = plugin('apple', { ...pattern, topics: { worker: { description: 'Stolen' } } }, files);
  const second = plugin('pear', pattern, { 'commands/pair.js': command('Second', `this.log('second');`) });
  link(first, second);
  assert.match((await home.rbee(['worker', '--help'])).stdout, /worker spawn/);
  const help = await home.rbee(['--help']);
  assert.doesNotMatch(help.stdout, /Stolen|Mine/);
  assert.match(
    help.stderr,
    /@acme\/worker-apple: its command status is ignored, because the name is taken by rbee itself/,
  );
  assert.match(
    help.stderr,
    /@acme\/worker-pear: its command pair is ignored, because the name is taken by @acme\/worker-apple/,
  );
  assert.equal((await home.rbee(['pair'])).stdout, 'first\n');
  const { queen } = await home.json(['status']);
  assert.ok(queen.pid > 0);
});

test('hooks of a plugin run around every command, including the fast ones', async () => {
  const log = join(home.folder, 'hooks.log');
  const note = (event: string): string =>
    `import { appendFileSync } from 'node:fs'; export default async function (options) { appendFileSync(${JSON.stringify(log)}, '${event} ' + options.id + ' ' + (options.Command?.id ?? '') + '\\n'); }`;
  const events = ['init', 'prerun', 'postrun', 'finally'];
  const hooks = Object.fromEntries(events.map((event) => [event, `./hooks/${event}`]));
  const files = Object.fromEntries(events.map((event) => [`hooks/${event}.js`, note(event)]));
  await home.json(['status']);
  link(plugin('watch', { hooks }, files));
  writeFileSync(log, '');
  const run = await home.rbee(['worker', 'list']);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(
    readFileSync(log, 'utf8'),
    'init worker:list \nprerun undefined worker:list\npostrun undefined worker:list\nfinally worker:list worker:list\n',
  );
});

test('a hook may end the command; one that fails or hangs is named and stops nothing', {
  skip: atFullScale,
}, async () => {
  const hooks = { init: './init.js' };
  link(plugin('guard', { hooks }, { 'init.js': hook(`this.error('not on a Sunday', { exit: 9 });`) }));
  const refused = await home.rbee(['job', 'list']);
  assert.equal(refused.code, 9);
  assert.match(refused.stderr, /error: not on a Sunday/);
  const broken: [string, string, RegExp][] = [
    ['throws', `${hook('null.x;')}`, /its hook init failed/],
    ['waits', hook('await new Promise(() => {});'), /its hook init failed: Timed out/],
    ['fails', `throw new Error('no mood'); ${hook('')}`, /its hook init could not be loaded: no mood/],
    ['stalls', `await new Promise((done) => setInterval(done, 1e9)); ${hook('')}`, /its hook init did not load within/],
    ['leaves', `process.exit(3); ${hook('')}`, /its hook init ended the process .*exit code 3/],
  ];
  link(...broken.map(([type, code]) => plugin(type, { hooks }, { 'init.js': code })));
  const run = await home.rbee(['job', 'list']);
  assert.equal(run.code, 0, run.stderr);
  for (const [type, , expected] of broken) {
    const line = run.stderr.split('\n').find((one) => one.includes(`the plugin @acme/worker-${type}: `)) ?? '';
    assert.match(line, expected);
  }
});

test("a command that cannot be loaded is named, and the plugin's other commands run", {
  skip: atFullScale,
}, async () => {
  const files = { 'commands/mix/good.js': hello, 'commands/mix/bad.js': `throw new Error('no mood');` };
  link(plugin('mix', pattern, files), plugin('hang', pattern, { 'commands/hang/up.js': 'for (;;);' }));
  const run = await home.rbee(['mix', 'good']);
  assert.match(run.stdout, /^hello world/);
  assert.match(run.stderr, /@acme\/worker-mix: its command mix bad could not be loaded: no mood/);
  assert.match(run.stderr, /@acme\/worker-hang: its commands did not load within/);
  writeFileSync(join(home.folder, 'plugins/mix/commands/mix/bad.js'), hello);
  assert.match((await home.rbee(['mix', 'bad'])).stdout, /^hello world/, 'a fixed plugin is loaded again');
});

test('a hook for unknown commands may handle them', async () => {
  const hooks = { command_not_found: './unknown.js' };
  link(
    plugin('oracle', { hooks }, { 'unknown.js': `export default async ({ id }) => console.log('you mean ' + id);` }),
  );
  const run = await home.rbee(['xyzzy']);
  assert.deepEqual([run.code, run.stdout], [0, 'you mean xyzzy\n']);
});
