/** Both templates as an author uses them: created, installed, tested, linked, spawned, called. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startTinyRegistry } from '../../core/plugins/testing/registry.ts';
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
 * Created by the command and installed by npm without a registry: rbee's packages are links to this checkout, and the
 * public packages are already there.
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

/** As in the author's terminal: without the settings of the npm that runs these tests, and with this Node and rbee. */
const npm = (folder: string, ...args: string[]) => {
  const clean = Object.entries(home.env).filter(([name]) => !/^(npm_|NODE_TEST_CONTEXT$)/i.test(name));
  const PATH = [dirname(process.execPath), join(root, 'node_modules/.bin'), home.env['PATH']].join(':');
  return run('npm', args, { cwd: folder, env: { ...Object.fromEntries(clean), PATH } });
};

/** Runs the plugin's own tests and the conformance check. */
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
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape.
  return { status: response.status, body: (await response.json()) as any };
};

test('the template worker-plugin makes an engine with a variant and path of its own', async () => {
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

  // The loop of the guide. The old command line was reused, and the answer was "there is no such option".
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

test("the types in the templates' comments are correct, and a wrong member is found", async () => {
  const tsc = (folder: string) =>
    run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
  for (const template of ['worker-plugin', 'worker-program']) {
    const { folder } = await home.json(['plugins', 'create', `typed-${template}`, '--template', template, '--yes']);
    linkPackages(folder);
    assert.equal(await tsc(folder), '');
    edit(join(folder, 'health.js'), "mode: 'poll'", "mode: 'pole'");
    assert.match(await tsc(folder), /health\.js\(\d+,\d+\): error .*"pole"/);
  }
});

test('npm install of a new plugin fetches a few small packages', async (t) => {
  const registry = await startTinyRegistry();
  t.after(() => registry.close());
  const names = ['@rbee/contract', '@rbee/worker-server', '@types/node', 'undici-types'];
  const sources = names.map((name) => join(root, 'node_modules', name));
  const flags = ['--json', '--ignore-scripts', '--pack-destination', home.folder];
  const { stdout } = await run('npm', ['pack', ...flags, ...sources], { cwd: home.folder, env: home.env });
  const packed: Record<string, { filename: string }> | { filename: string }[] = JSON.parse(stdout);
  for (const [nth, { filename }] of Object.values(packed).entries()) {
    const document = JSON.parse(readFileSync(join(sources[nth] ?? '', 'package.json'), 'utf8'));
    registry.offer({ ...document, document, packed: readFileSync(join(home.folder, filename)) });
  }

  for (const [template, count] of [
    ['worker-program', 3],
    ['worker-plugin', 4],
  ] as const) {
    const { folder } = await home.json(['plugins', 'create', template, '--template', template, '--yes']);
    rmSync(join(folder, 'node_modules'), { recursive: true });
    await npm(folder, 'install', '--registry', registry.url, '--no-audit', '--no-fund');
    const modules = join(folder, 'node_modules');
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
    assert.equal(Object.keys(lock.packages).length, count, template);
    const files = globSync('**', { cwd: modules }).map((path) => statSync(join(modules, path)));
    const megabytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1e6;
    t.diagnostic(`${template}: ${count} packages, ${megabytes.toFixed(1)} MB`);
    assert.ok(megabytes <= 15, `${template}: ${megabytes} MB`);
  }
});

test('the template worker-program wraps an existing program', { skip: atFullScale }, async () => {
  const folder = await create('loom', 'worker-program');
  await runTests(folder);

  await link(folder);
  // The environment of the hive says where the program is.
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
