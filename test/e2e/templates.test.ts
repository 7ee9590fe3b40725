/** Both templates as an author uses them: made, installed, tested, linked, spawned, called. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, type TestHome } from '../harness/home.ts';
import { linkPackages } from '../harness/link-packages.ts';
import { atFullScale } from '../harness/until.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

let home: TestHome;
before(() => {
  home = createHome({ plugins: [] });
});
after(() => home.close());

/**
 * Made by the command and installed by npm, without any registry: rbee's packages are links to this checkout. Those that
 * every registry has are there before.
 */
const create = async (type: string, template: string): Promise<string> => {
  const { folder, linked, missing } = await home.json(['plugins', 'create', type, '--template', template, '--yes']);
  assert.equal(linked['@rbee/contract'], join(root, 'core/contract-types'));
  assert.deepEqual(missing, []);
  linkPackages(folder);
  await npm(folder, 'install', '--offline', '--no-audit', '--no-fund');
  assert.ok(lstatSync(join(folder, 'node_modules/@rbee/contract')).isSymbolicLink(), 'npm keeps the link');
  return folder;
};

/** As at the author's terminal: without the settings of the npm that runs these tests, and with this Node and rbee. */
const npm = (folder: string, ...args: string[]) => {
  const clean = Object.entries(home.env).filter(([name]) => !/^(npm_|NODE_TEST_CONTEXT$)/i.test(name));
  const PATH = [dirname(process.execPath), join(root, 'node_modules/.bin'), home.env['PATH']].join(':');
  return run('npm', args, { cwd: folder, env: { ...Object.fromEntries(clean), PATH } });
};

/** The plugin's own tests, and the examination. */
const runTests = async (folder: string): Promise<void> => {
  const { stdout } = await npm(folder, 'test');
  assert.match(stdout, /^. fail 0$/m);
  assert.match(stdout, /^. skipped 0$/m);
  assert.match(stdout, /^\d+ passed, 0 failed/m);
};

const edit = (file: string, from: string, to: string): void => {
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `${from} in ${file}`);
  writeFileSync(file, text.replaceAll(from, to));
};

const link = (folder: string) => home.json(['plugins', 'link', folder]);

const post = async (path: string, body: object) => {
  const { queen } = await home.json(['status']);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${queen.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what is answered, whatever its shape.
  return { status: response.status, body: (await response.json()) as any };
};

test('an engine of its own, with a variant and a path that nobody knew', async () => {
  const folder = await create('abacus', 'worker-plugin');
  edit(join(folder, 'binary.js'), "id: 'cpu'", "id: 'beads', devices: ['cpu']");
  await npm(folder, 'run', 'manifest');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.deepEqual(manifest.rbee.workerTypes.abacus.variants, ['beads']);
  await runTests(folder);

  await link(folder);
  const worker = await home.json([
    'worker',
    'spawn',
    '--type',
    'abacus',
    '--device',
    'cpu',
    '--option',
    'greeting=So:',
  ]);
  assert.equal(worker.variant, 'beads');
  const own = await post('/v1/abacus', { model: 'abacus', text: 'one and one' });
  assert.deepEqual(own, { status: 200, body: { model: 'abacus', said: 'So: one and one' } });
  const infer = await home.json(['infer', '-m', 'abacus', 'two']);
  assert.equal(infer.text, 'So: two');

  // The loop of the guide. The old command line was used, and "there is no such option" was the answer.
  edit(
    join(folder, 'options.js'),
    'slots: {',
    "tail: { type: 'string', default: '!', description: 'Its end' },\n    slots: {",
  );
  edit(join(folder, 'command.js'), '{option.greeting}', '{option.greeting}{option.tail}');
  await home.json(['worker', 'restart', worker.id]);
  assert.equal((await home.json(['infer', '-m', 'abacus', 'two'])).text, 'So:! two');
  const options = ['--option', 'tail=?', '--name', 'asking'];
  const asking = await home.json(['worker', 'spawn', '--type', 'abacus', '--device', 'cpu', ...options]);
  assert.equal((await home.json(['infer', '-m', 'asking', 'two'])).text, 'You said:? two');
  for (const { id } of [worker, asking]) await home.json(['worker', 'delete', id]);
});

test('an existing program', { skip: atFullScale }, async () => {
  const folder = await create('loom', 'worker-program');
  await runTests(folder);

  await link(folder);
  // The program is found where the hive's environment says.
  const env = { RBEE_LOOM: join(folder, 'stand-in/loom-server.js') };
  await home.json(['queen', 'restart'], { env });
  const model = join(root, 'plugins/worker-llamacpp/models/demo.gguf');
  const args = ['--type', 'loom', '--device', 'cpu', '--model', model, '--name', 'woven'];
  const worker = await home.json(['worker', 'spawn', ...args], { env });
  assert.equal(worker.engine, 'loom-server');
  const chat = await post('/v1/chat/completions', { model: 'woven', messages: [{ role: 'user', content: 'Hi' }] });
  assert.equal(chat.body.choices[0].message.content, 'on cpu: Hi');
  await home.json(['worker', 'delete', worker.id]);
});
