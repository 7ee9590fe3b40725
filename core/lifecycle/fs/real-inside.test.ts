import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realInside } from './real-inside.ts';

test('a path is resolved through links, and refused if one leads out of the folder', async (t) => {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'rbee-inside-')));
  t.after(() => rm(top, { recursive: true }));
  const folder = join(top, 'folder');
  await mkdir(join(folder, 'a'), { recursive: true });
  await writeFile(join(folder, 'a/file'), 'inside');
  await writeFile(join(top, 'folder-secret'), 'outside');
  await symlink('a/file', join(folder, 'near'));
  await symlink('../folder-secret', join(folder, 'far'));
  await symlink('..', join(folder, 'up'));
  await symlink(folder, join(top, 'door'));

  assert.equal(await realInside(folder, 'near'), join(folder, 'a/file'));
  assert.equal(await realInside(join(top, 'door'), 'a/file'), join(folder, 'a/file'));
  for (const words of ['far', 'up/folder-secret', '../folder-secret'])
    await assert.rejects(realInside(folder, words), { code: 'PATH_REFUSED' });
  await assert.rejects(realInside(folder, 'none'), { code: 'ENOENT' });
});
