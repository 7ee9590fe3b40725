/** The smallest plugin that really runs, written without any knowledge of core. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

const root = resolve(import.meta.dirname, '../..');

let home: TestHome;
before(() => {
  home = createHome({ plugins: [] });
});
after(() => home.close());

const code = `export default {
  name: 'hello',
  apiVersion: 1,
  serves: [{ path: '/v1/hello', kind: 'other' }],
  variants: [{ id: 'cpu', resolveBinary: [{ kind: 'path', id: 'node', program: 'node' }] }],
  command: ['-e', 'http.createServer((_, answer) => answer.end("hello")).listen({port}, "{host}")'],
  health: { ready: { mode: 'poll', path: '/' } },
  keyless: true,
};
`;

test('nine lines of plain JavaScript make a plugin that can be spawned, answers, and is deleted', async () => {
  const folder = join(home.folder, 'hello');
  mkdirSync(folder);
  const file = join(folder, 'index.js');
  writeFileSync(file, code);
  assert.ok(code.trimEnd().split('\n').length <= 12);
  const biome = join(root, 'node_modules/.bin/biome');
  const format = ['format', '--stdin-file-path=index.js', '--config-path', root];
  assert.equal(execFileSync(biome, format, { input: code, encoding: 'utf8' }), code, 'as biome formats it');
  const about = { license: 'MIT', keywords: ['rbee-worker'] };
  const manifest = { name: 'rbee-worker-hello', version: '1.0.0', type: 'module', ...about };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));

  const written = await home.json(['plugins', 'check', '--write', folder]);
  assert.deepEqual(written.types, ['hello']);
  await home.json(['plugins', 'link', folder]);
  const worker = await home.json(['worker', 'spawn', '--type', 'hello']);
  assert.equal(worker.state, 'ready');
  const { queen } = await home.json(['status']);
  const answer = await fetch(`${queen.url}/v1/hello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'hello' }),
  });
  assert.equal(await answer.text(), 'hello');
  await home.json(['worker', 'delete', worker.id]);
  assert.deepEqual((await home.json(['worker', 'list'])).workers, []);
  assert.equal(readFileSync(file, 'utf8'), code);
  assert.equal((await home.json(['plugins', 'check', folder])).passed, true);
});
