/** Files written by plugins and users are read with size limits everywhere. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { readManifest } from '../worker-types/manifest.ts';
import { readLock } from './lock-file.ts';
import { readIndex } from './plugin-index.ts';

// Each of these reads used to wait for a writer on the pipe, so the command never ended.
test('a pipe instead of a file is refused immediately, by name', async (t) => {
  const folder = await tempFolder(t);
  for (const name of ['package.json', 'rbee.lock']) execFileSync('mkfifo', ['-m', '600', join(folder, name)]);
  const message = /not a regular file/;
  await assert.rejects(readManifest(folder), { code: 'PLUGIN_INVALID', message });
  await assert.rejects(readIndex(folder), { code: 'INDEX_INVALID', message });
  await assert.rejects(readLock(folder), { code: 'CONFIG_INVALID', message });
});

test('a manifest may be 1 MiB; an endlessly nested lock is refused', async (t) => {
  const folder = await tempFolder(t);
  writeFileSync(join(folder, 'package.json'), ' '.repeat(2 ** 20 + 1));
  await assert.rejects(readManifest(folder), { code: 'PLUGIN_INVALID', message: /larger than 1 MiB/ });
  rmSync(join(folder, 'package.json'));
  writeFileSync(join(folder, 'rbee.lock'), `a = ${'['.repeat(100_000)}`, { mode: 0o600 });
  await assert.rejects(readLock(folder), { code: 'CONFIG_INVALID', message: /nested more than 32 levels/ });
});
