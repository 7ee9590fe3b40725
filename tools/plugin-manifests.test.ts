import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { updateManifests } from './plugin-manifests.ts';

test('a stale manifest is rewritten from the code, and fails the build in CI', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rbee-manifest-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(import.meta.dirname, '../examples/plugin'), folder, { recursive: true });
  const file = join(folder, 'package.json');
  const printed = t.mock.method(console, 'log', () => {});
  await updateManifests([folder], {});
  const current = readFileSync(file, 'utf8');

  writeFileSync(file, current.replace('"/v1/hello"', '"/v1/goodbye"'));
  await assert.rejects(updateManifests([folder], { CI: 'true' }), /out of date.*package\.json; commit it/);
  assert.equal(readFileSync(file, 'utf8'), current);
  await updateManifests([folder], { CI: 'true' });

  writeFileSync(file, current.replace('"/v1/hello"', '"/v1/goodbye"'));
  await updateManifests([folder], {});
  assert.equal(readFileSync(file, 'utf8'), current);
  assert.match(String(printed.mock.calls.at(-1)?.arguments[0]), /out of date/);
});
