/** Both templates as an author uses them: made, built, tested, linked, spawned, called. Core learns nothing of them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, type TestHome } from '../harness/home.ts';
import { linkPackages } from '../harness/link-packages.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

let home: TestHome;
before(() => {
  home = createHome({ plugins: [] });
});
after(() => home.close());

/** Made by the command; what it depends on is what the repository has. */
const create = async (type: string, template: string): Promise<string> => {
  const { folder } = await home.json(['plugins', 'create', type, '--template', template, '--yes']);
  linkPackages(folder);
  return folder;
};

const build = (folder: string) =>
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], { cwd: folder });

const runTests = async (folder: string): Promise<string> => {
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: folder, env: home.env });
  assert.match(stdout, /# fail 0/);
  assert.match(stdout, /# skipped 0/);
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
  edit(join(folder, 'binary.ts'), "id: 'cpu'", "id: 'beads'");
  edit(join(folder, 'package.json'), '"cpu"', '"beads"');
  await build(folder);
  const tests = await runTests(folder);
  assert.match(tests, /command\.api-key/);
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
  await home.json(['worker', 'delete', worker.id]);
});

test('a program of somebody else', async () => {
  const folder = await create('loom', 'worker-program');
  await build(folder);
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
