/** Both templates as an author uses them: made, built, tested, linked, spawned, called. Core learns nothing of them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  assert.equal(linked['@rbee/core'], join(root, 'core'));
  assert.deepEqual(missing, []);
  linkPackages(folder);
  await npm(folder, 'install', '--offline', '--no-audit', '--no-fund');
  assert.ok(lstatSync(join(folder, 'node_modules/@rbee/core')).isSymbolicLink(), 'npm keeps the link');
  return folder;
};

/** As at the author's terminal: without what the npm of these tests hands on, and with this Node before others. */
const npm = (folder: string, ...args: string[]) => {
  const clean = Object.entries(home.env).filter(([name]) => !/^(npm_|NODE_TEST_CONTEXT$)/i.test(name));
  const PATH = `${dirname(process.execPath)}:${home.env['PATH']}`;
  return run('npm', args, { cwd: folder, env: { ...Object.fromEntries(clean), PATH } });
};

const build = (folder: string) => npm(folder, 'run', 'build');

/** Builds as well. */
const runTests = async (folder: string): Promise<string> => {
  const { stdout } = await npm(folder, 'test');
  assert.match(stdout, /^. fail 0$/m);
  assert.match(stdout, /^. skipped 0$/m);
  return stdout;
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
  edit(join(folder, 'binary.ts'), "id: 'cpu'", "id: 'beads', devices: ['cpu']");
  const tests = await runTests(folder);
  assert.match(tests, /command\.api-key/);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert.deepEqual(manifest.rbee.workerTypes.abacus.variants, ['beads'], 'the build writes what the code says');
  const report = await home.json(['plugins', 'check', folder]);
  assert.equal(report.passed, true);

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
    join(folder, 'options.ts'),
    'slots: {',
    "tail: { type: 'string', default: '!', description: 'Its end' },\n    slots: {",
  );
  edit(join(folder, 'command.ts'), '{option.greeting}', '{option.greeting}{option.tail}');
  await build(folder);
  await home.json(['worker', 'restart', worker.id]);
  assert.equal((await home.json(['infer', '-m', 'abacus', 'two'])).text, 'So:! two');
  const options = ['--option', 'tail=?', '--name', 'asking'];
  const asking = await home.json(['worker', 'spawn', '--type', 'abacus', '--device', 'cpu', ...options]);
  assert.equal((await home.json(['infer', '-m', 'asking', 'two'])).text, 'You said:? two');
  for (const { id } of [worker, asking]) await home.json(['worker', 'delete', id]);
});

// An older Node finds no tests in TypeScript: none ran, and all was green.
test('the tests of a plugin are refused by an older Node, and when there are none', async () => {
  const { folder } = await home.json(['plugins', 'create', 'old', '--yes']);
  const disguise = "data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })";
  const script = join(folder, 'run-tests.js');
  const runScript = (...flags: string[]) => run(process.execPath, [...flags, script], { cwd: folder });
  await assert.rejects(runScript('--import', disguise), { code: 1, stderr: /the tests need Node >=24, and this is v/ });
  for (const name of ['conformance.test.ts', 'server.test.ts']) rmSync(join(folder, name));
  await assert.rejects(runScript(), { code: 1, stderr: /there is no test/ });
});

test('a program of somebody else', { skip: atFullScale }, async () => {
  const folder = await create('loom', 'worker-program');
  await runTests(folder);
  const report = await home.json(['plugins', 'check', folder]);
  assert.equal(report.passed, true);

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
