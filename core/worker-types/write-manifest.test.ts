import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeManifest } from './write-manifest.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-manifest-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const code = `export default {
  name: 'tiny', apiVersion: 1, summary: 'Tiny', serves: [{ path: '/v1/tiny', kind: 'other' }],
  variants: [{ id: 'cpu', resolveBinary: [{ kind: 'module', id: 'server', script: 'server.js' }] }],
  command: ['{port}'], health: { ready: { mode: 'poll', path: '/' } },
};`;

const plugin = async (name: string, json: object, index = code): Promise<string> => {
  const root = join(folder, name);
  await mkdir(root);
  await writeFile(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0', type: 'module', ...json }));
  await writeFile(join(root, 'index.js'), index);
  return root;
};

test('a package without a listed worker type gets the one that its main module exports', async () => {
  for (const [name, more] of [
    ['bare', {}],
    ['main', { main: 'index.js' }],
    ['exports', { exports: { '.': { types: './index.d.ts', default: './index.js' } } }],
  ] as const) {
    const root = await plugin(name, more);
    assert.deepEqual((await writeManifest(root)).types, ['tiny']);
    const { rbee } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    assert.equal(rbee.api, 1);
    const { entry, ...said } = rbee.workerTypes.tiny;
    assert.match(entry, /index\.js$/);
    assert.deepEqual(said, { summary: 'Tiny', serves: ['/v1/tiny'], variants: ['cpu'] });
  }
});

test('entry and aliases are kept, the rest comes from the code, and a second run changes nothing', async () => {
  const old = { entry: './index.js', aliases: ['wee'], serves: ['/v1/old'], variants: ['cpu', 'cuda'] };
  const root = await plugin('kept', { license: 'MIT', rbee: { api: 1, workerTypes: { former: old } } });
  assert.equal((await writeManifest(root)).changed, true);
  const file = join(root, 'package.json');
  const json = JSON.parse(await readFile(file, 'utf8'));
  assert.deepEqual(json.rbee.workerTypes, {
    tiny: { ...old, summary: 'Tiny', serves: ['/v1/tiny'], variants: ['cpu'] },
  });
  assert.equal(json.license, 'MIT');
  assert.ok((await stat(file)).mode & 0o044, 'others can still read it');
  assert.equal((await writeManifest(root)).changed, false);
});

test('missing or invalid code changes nothing', async () => {
  const wrong: [string, object, string, RegExp][] = [
    ['unbuilt', { main: './dist/index.js' }, code, /dist\/index\.js/],
    ['prot', {}, code.replace('{port}', '{prot}'), /unknown placeholder \{prot\}/],
  ];
  for (const [name, json, index, problem] of wrong) {
    const root = await plugin(name, json, index);
    const before = await readFile(join(root, 'package.json'), 'utf8');
    await assert.rejects(writeManifest(root), problem);
    assert.equal(await readFile(join(root, 'package.json'), 'utf8'), before);
  }
});
