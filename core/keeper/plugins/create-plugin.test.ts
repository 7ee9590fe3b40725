import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createPlugin, type NewPlugin, packageName, type Template, templates } from './create-plugin.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-create-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const plugin = (change: Partial<NewPlugin> = {}): NewPlugin => ({
  type: 'big-shout',
  template: 'worker-plugin',
  scope: 'acme',
  license: 'Apache-2.0',
  folder: join(folder, 'big-shout'),
  ...change,
});

test('every template is copied with the names of its author', async () => {
  for (const template of Object.keys(templates) as Template[]) {
    const made = plugin({ template, folder: join(folder, template) });
    const files = await createPlugin(made);
    assert.ok(files.includes('.gitignore') && files.includes('index.js'), files.join());
    const json = JSON.parse(await readFile(join(made.folder, 'package.json'), 'utf8'));
    assert.equal(json.name, '@acme/worker-big-shout');
    assert.equal(json.license, 'Apache-2.0');
    assert.deepEqual(Object.keys(json.rbee.workerTypes), ['big-shout']);
    for (const file of files)
      assert.doesNotMatch(file + (await readFile(join(made.folder, file), 'utf8')), /my-engine|MY_ENGINE/, file);
  }
});

test('an executable file stays executable', async () => {
  const made = plugin({ template: 'worker-program', folder: join(folder, 'runs') });
  await createPlugin(made);
  assert.ok((await stat(join(made.folder, 'stand-in/big-shout-server.js'))).mode & 0o100);
});

test('a folder with files is left alone, and an empty one is used', async () => {
  const full = join(folder, 'full');
  await mkdir(full);
  await writeFile(join(full, 'mine'), '');
  await assert.rejects(createPlugin(plugin({ folder: full })), { code: 'FOLDER_NOT_EMPTY' });
  assert.deepEqual(await readdir(full), ['mine']);
  await assert.rejects(createPlugin(plugin({ folder: join(full, 'mine') })), { code: 'INVALID_INPUT' });
  const empty = join(folder, 'empty');
  await mkdir(empty);
  await createPlugin(plugin({ folder: empty }));
});

test('invalid names are refused before anything is created', async () => {
  const target = join(folder, 'refused');
  for (const change of [
    { type: 'Shout' },
    { type: '../up' },
    { type: '' },
    { type: 'jobs' },
    { scope: 'a/b' },
    { license: '"}' },
  ]) {
    await assert.rejects(createPlugin(plugin({ ...change, folder: target })), { code: 'INVALID_INPUT' });
  }
  await assert.rejects(stat(target));
});

test('the name of a package without a scope shows that it is an rbee worker', () => {
  assert.equal(packageName({ type: 'shout', scope: '' }), 'rbee-worker-shout');
});
