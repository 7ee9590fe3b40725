import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Evaluator } from './evaluator.ts';
import { foldersOf } from './plugin-folders.ts';

/** Writes files and, as `-> target`, links into a new folder. */
const folderWith = async (t: TestContext, files: Record<string, string>): Promise<string> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-links-')));
  t.after(() => rm(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    if (text.startsWith('-> ')) await symlink(text.slice(3).replace('FOLDER', folder), join(folder, path));
    else await writeFile(join(folder, path), text);
  }
  return folder;
};

const manifest = (name: string, more: object = {}): string => JSON.stringify({ name, type: 'module', ...more });

/** Files next to the plugin that it must not read. */
const around = { 'secret.txt': 'a secret', 'private/key': 'a secret', 'plugin/package.json': manifest('plugin') };
const needsHelper = manifest('plugin', { dependencies: { helper: '*' } });

const leading: Record<string, [files: Record<string, string>, named: RegExp]> = {
  'to a file': [{ 'plugin/notes': '-> ../secret.txt' }, /the link notes leads out of it, to .*\/secret\.txt/],
  'to a file by its absolute path': [{ 'plugin/notes': '-> FOLDER/secret.txt' }, /the link notes/],
  'to a folder': [{ 'plugin/a/b': '-> ../../private' }, /the link a\/b leads out of it, to .*\/private/],
  'through another link': [{ 'plugin/a': '-> b', 'plugin/b': '-> ../secret.txt' }, /the link [ab] leads/],
  'to a target that does not exist yet': [{ 'plugin/later': '-> ../later.txt' }, /the link later leads .*\/later\.txt/],
  'up to the folder around it': [{ 'plugin/up': '-> ..' }, /the link up/],
  'from a package inside it': [
    { 'plugin/node_modules/helper/x': '-> ../../../secret.txt' },
    /the link node_modules\/helper\/x/,
  ],
  'to a package that it does not declare': [
    { 'plugin/node_modules/helper': '-> ../../helper', 'helper/package.json': manifest('helper') },
    /the link node_modules\/helper leads .*which is not a declared dependency/,
  ],
  'to a folder without the name of the dependency': [
    {
      'plugin/package.json': needsHelper,
      'plugin/node_modules/helper': '-> ../../private',
      'private/package.json': '{}',
    },
    /the link node_modules\/helper leads .*\/private/,
  ],
  'out of a dependency': [
    {
      'plugin/package.json': needsHelper,
      'plugin/node_modules/helper': '-> ../../helper',
      'helper/package.json': manifest('helper'),
      'helper/x': '-> ../secret.txt',
    },
    /the link \/.*\/helper\/x leads out of it/,
  ],
};

/** Node follows links out of the folders that a process may read: a plugin's code could read any file. */
for (const [where, [files, named]] of Object.entries(leading)) {
  test(`a plugin with a link ${where} is refused, and none of its code runs`, async (t) => {
    const folder = await folderWith(t, {
      ...around,
      'plugin/index.js': `import { readFileSync } from 'node:fs';
export default { name: readFileSync(new URL('notes', import.meta.url), 'utf8'), variants: [] };`,
      ...files,
    });
    const evaluator = new Evaluator('plugin', join(folder, 'plugin'));
    t.after(() => evaluator.close());
    await assert.rejects(evaluator.describe('index.js'), { code: 'PLUGIN_INVALID', message: named });
  });
}

test('links inside a plugin are allowed', async (t) => {
  const folder = await folderWith(t, {
    ...around,
    'plugin/a/text': 'inside',
    'plugin/b': '-> a/text',
    'plugin/c': '-> FOLDER/plugin/b',
    'plugin/node_modules/.bin/x': '-> ../../a/text',
    'plugin/index.js': `import { readFileSync } from 'node:fs';
export default { name: readFileSync(new URL('c', import.meta.url), 'utf8'), variants: [] };`,
  });
  const evaluator = new Evaluator('plugin', join(folder, 'plugin'));
  t.after(() => evaluator.close());
  assert.equal(((await evaluator.describe('index.js')) as { name: string }).name, 'inside');
  assert.deepEqual(await foldersOf('plugin', join(folder, 'plugin')), [join(folder, 'plugin')]);
});

test('a plugin in a workspace can import its declared dependencies through links, and theirs', async (t) => {
  const folder = await folderWith(t, {
    ...around,
    'plugin/package.json': manifest('plugin', { dependencies: { helper: '*' }, devDependencies: { tool: '*' } }),
    'plugin/node_modules/helper': '-> ../../packages/helper',
    'plugin/node_modules/tool': '-> ../../packages/tool',
    'packages/helper/package.json': manifest('helper', { main: 'index.js', dependencies: { aliased: 'npm:inner@*' } }),
    'packages/helper/index.js': "export { name } from 'aliased';",
    'packages/helper/node_modules/aliased': '-> ../../inner',
    'packages/inner/package.json': manifest('inner', { main: 'index.js' }),
    'packages/inner/index.js': "export const name = 'from-inner';",
    'packages/tool/package.json': manifest('tool'),
    'plugin/index.js': "import { name } from 'helper'; export default { name, variants: [] };",
  });
  const evaluator = new Evaluator('plugin', join(folder, 'plugin'));
  t.after(() => evaluator.close());
  assert.equal(((await evaluator.describe('index.js')) as { name: string }).name, 'from-inner');
  const readable = await foldersOf('plugin', join(folder, 'plugin'));
  assert.deepEqual(
    readable.sort(),
    ['packages/helper', 'packages/inner', 'packages/tool', 'plugin'].map((one) => join(folder, one)),
  );
});

test('an installed plugin can read the packages next to it, and the placeholders of omitted ones', async (t) => {
  const folder = await folderWith(t, {
    'secret.txt': 'a secret',
    'tree/left-out/package.json': manifest('left-out'),
    'tree/node_modules/plugin/package.json': manifest('plugin', { dependencies: { helper: '*', large: '*' } }),
    'tree/node_modules/plugin/index.js': "import { name } from 'helper'; export default { name, variants: [] };",
    'tree/node_modules/helper/package.json': manifest('helper', { main: 'index.js' }),
    'tree/node_modules/helper/index.js': "export const name = 'beside';",
    'tree/node_modules/large': '-> ../left-out',
    'tree/node_modules/.bin/helper': '-> ../helper/index.js',
  });
  const root = join(folder, 'tree/node_modules/plugin');
  const evaluator = new Evaluator('plugin', root);
  t.after(() => evaluator.close());
  assert.equal(((await evaluator.describe('index.js')) as { name: string }).name, 'beside');
  await symlink('../../secret.txt', join(folder, 'tree/node_modules/other'));
  await assert.rejects(foldersOf('plugin', root), { code: 'PLUGIN_INVALID', message: /node_modules\/other leads out/ });
});

test('a plugin linked by a workspace can read its declared dependencies, wherever they are', async (t) => {
  const folder = await folderWith(t, {
    'plugins/mine/package.json': manifest('mine', { dependencies: { helper: '*' } }),
    'plugins/mine/index.js': "import { name } from 'helper'; export default { name, variants: [] };",
    'node_modules/mine': '-> ../plugins/mine',
    'node_modules/helper/package.json': manifest('helper', { main: 'index.js' }),
    'node_modules/helper/index.js': "export const name = 'hoisted';",
    'node_modules/foreign': '-> ../secret',
    'secret/key': 'a secret',
  });
  const evaluator = new Evaluator('mine', join(folder, 'node_modules/mine'));
  t.after(() => evaluator.close());
  assert.equal(((await evaluator.describe('index.js')) as { name: string }).name, 'hoisted');
});
