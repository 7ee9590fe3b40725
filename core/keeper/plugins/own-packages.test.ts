// `npm install` in a new plugin used to end with E404 for @rbee/core, both in a checkout and elsewhere.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../plugins/testing/registry.ts';
import { isPublished } from '../../plugins/tree/npm-tree.ts';
import { provideOwnPackages } from './own-packages.ts';

let home: string;
let registry: TinyRegistry;
before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'rbee-own-')));
  registry = await startTinyRegistry();
});
after(async () => {
  await registry.close();
  await rm(home, { recursive: true, force: true });
});

const packageAt = async (folder: string, json: object): Promise<string> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify(json));
  return folder;
};
const newPlugin = async () =>
  packageAt(await mkdtemp(join(home, 'plugin-')), {
    name: 'mine',
    dependencies: { '@rbee/worker-server': '^1.0.0' },
    devDependencies: { '@rbee/core': '^1.0.0', typescript: '^7.0.2' },
  });
const none = async () => false;

test('in a checkout they are links to it, even if a registry has them', async () => {
  const workspace = await packageAt(join(home, 'checkout'), { name: 'rbee-workspace' });
  const server = await packageAt(join(workspace, 'node_modules/@rbee/worker-server'), { name: '@rbee/worker-server' });
  const core = await packageAt(join(workspace, 'node_modules/@rbee/core'), { name: '@rbee/core' });
  const root = await packageAt(join(workspace, 'core'), { name: '@rbee/core' });
  const folder = await newPlugin();
  const isPublished = async () => assert.fail('no registry must be asked');
  const found = await provideOwnPackages(folder, { registry: null, root, isPublished });
  const linked = { '@rbee/core': core, '@rbee/worker-server': server };
  assert.deepEqual(found, { linked, missing: [], unbuilt: workspace });
  for (const [name, place] of Object.entries(linked))
    assert.equal(await readlink(join(folder, 'node_modules', name)), place);
  await mkdir(join(root, 'dist/conformance'), { recursive: true });
  assert.equal((await provideOwnPackages(await newPlugin(), { registry: null, root, isPublished })).unbuilt, undefined);
});

test('elsewhere npm gets them from its own registry, or from the one in rbee.conf', async () => {
  const root = await packageAt(join(home, 'other/core'), { name: '@rbee/core' });
  const user = await packageAt(join(home, 'user'), {});
  await writeFile(join(user, '.npmrc'), 'fetch-retries=0\nregistry=http://127.0.0.1:9/\n');
  const env = { PATH: process.env['PATH'], HOME: user };
  const published = (spec: string, folder: string) => isPublished(spec, folder, { env, data: user });
  for (const name of ['@rbee/core', '@rbee/worker-server'])
    registry.offer({ name, version: '1.2.0', packed: packPlugin({ name }) });
  const folder = await newPlugin();
  const { url } = registry;
  assert.deepEqual(await provideOwnPackages(folder, { registry: url, root, isPublished: published }), {
    linked: {},
    missing: [],
  });
  assert.equal(await readFile(join(folder, '.npmrc'), 'utf8'), `@rbee:registry=${url}\n`);
  assert.equal(await published('@rbee/core@^2.0.0', folder), false);
});

test('a package that no registry has is linked to this rbee if it has it, and otherwise reported as missing', async () => {
  const modules = join(home, 'installed/node_modules');
  const root = await packageAt(join(modules, '@rbee/core'), { name: '@rbee/core' });
  const alone = await provideOwnPackages(await newPlugin(), { registry: null, root, isPublished: none });
  assert.deepEqual(alone, { linked: { '@rbee/core': root }, missing: ['@rbee/worker-server'] });
  const server = await packageAt(join(modules, '@rbee/worker-server'), { name: '@rbee/worker-server' });
  const both = await provideOwnPackages(await newPlugin(), { registry: null, root, isPublished: none });
  assert.deepEqual(both, { linked: { '@rbee/core': root, '@rbee/worker-server': server }, missing: [] });
});
