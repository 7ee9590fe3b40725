/** Runs the example of docs/client.md exactly as printed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, type TestHome } from '../harness/home.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

let home: TestHome;
before(() => {
  home = createHome({ plugins: [join(root, 'plugins/worker-llamacpp')] });
});
after(() => home.close());

test('the example of the client does what its page says', async () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/client.md'), 'utf8')) ?? [];
  const folder = join(home.folder, 'program');
  mkdirSync(join(folder, 'node_modules/@rbee'), { recursive: true });
  symlinkSync(join(root, 'core'), join(folder, 'node_modules/@rbee/core'));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, example);

  const alone = run(process.execPath, [file], { env: home.env });
  await assert.rejects(alone, { code: 1, stderr: /^QUEEN_\w+: .+ \(.+\)$/m }, 'the client does not start a queen');
  await home.json(['queen', 'start']);
  const { stdout } = await run(process.execPath, [file], { env: home.env });
  assert.match(stdout, /^(\S+) serves greeter: ready\n\1 is gone\n$/m);
  assert.deepEqual((await home.json(['worker', 'list'])).workers, []);
});

test('core exports only the client, and the contract only types', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'core/package.json'), 'utf8'));
  assert.deepEqual(Object.keys(exports), ['./client', './package.json']);
  const contract = JSON.parse(readFileSync(join(root, 'core/contract-types/package.json'), 'utf8'));
  assert.deepEqual(contract.exports, { '.': { types: './dist/index.d.ts' }, './package.json': './package.json' });
  assert.equal(contract.dependencies, undefined);
  const types = readFileSync(join(root, 'core/contract-types/dist/index.d.ts'), 'utf8');
  assert.doesNotMatch(types, /^import|\bimport\(|^export (?!interface|type)/m);
});
