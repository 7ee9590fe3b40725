import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { leaveOutFiles } from './leave-out-files.ts';

const put = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'x');
};

const files = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

test('paths are removed from every copy of their package, and from no other package', async (t) => {
  const tree = await tempFolder(t);
  for (const path of [
    'node_modules/engine/bin/linux/a',
    'node_modules/engine/bin/win32/a',
    'node_modules/@acme/tool/node_modules/engine/bin/win32/deep/a',
    'node_modules/@acme/tool/bin/win32/a',
    'node_modules/engine/package.json',
  ])
    await put(join(tree, path));
  await leaveOutFiles(tree, { engine: ['bin/win32', 'not/there'], missing: ['x'] });
  assert.deepEqual(await files(tree), [
    'node_modules/@acme/tool/bin/win32/a',
    'node_modules/engine/bin/linux/a',
    'node_modules/engine/package.json',
  ]);
});

test('a path that leads out of its package removes nothing', async (t) => {
  const tree = await tempFolder(t);
  for (const path of ['kept', 'node_modules/engine/odd\n/a', 'node_modules/other/kept']) await put(join(tree, path));
  const before = await files(tree);
  const paths = ['odd\n/../../../kept', '../other', 'odd\n/../..', '..', '.', '', '/kept', './../other/kept'];
  await leaveOutFiles(tree, { engine: paths });
  assert.deepEqual(await files(tree), before);
});

test('a link inside a package cannot be used to remove files outside it', async (t) => {
  const tree = await tempFolder(t);
  await put(join(tree, 'elsewhere/kept'));
  await put(join(tree, 'node_modules/engine/package.json'));
  await symlink(join(tree, 'elsewhere'), join(tree, 'node_modules/engine/out'));
  await symlink(join(tree, 'elsewhere'), join(tree, 'node_modules/linked'));
  await leaveOutFiles(tree, { engine: ['out/kept'], linked: ['kept'] });
  assert.ok((await files(tree)).includes('elsewhere/kept'));
});
