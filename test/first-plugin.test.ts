/**
 * The first plugin that was made from the template, unchanged since. A change that breaks it needs a new version of the
 * contract (docs/contract-versions.md).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { checkPackage } from '../core/conformance/check-package.ts';

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

let folder: string;
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-first-')));
  cpSync(join(root, 'test/fixtures/first-plugin'), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  for (const scope of ['@rbee', '@types']) mkdirSync(join(modules, scope), { recursive: true });
  for (const name of ['@rbee/contract', '@rbee/worker-server', '@types/node'])
    symlinkSync(realpathSync(join(root, 'node_modules', name)), join(modules, name));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('it compiles against the current types and passes every current check', async () => {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await run(tsc, ['-p', folder]).catch(({ stdout: problems }) => ({ stdout: problems }));
  assert.equal(stdout, '');
  const { types } = await checkPackage(folder);
  const failed = types.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'failed'));
  assert.deepEqual(failed, []);
  assert.deepEqual(
    types.map(({ type }) => type),
    ['my-engine'],
  );
});
