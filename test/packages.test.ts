/** What users see of the packages before they read any code. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const manifestOf = (folder: string) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
const folders = globSync(manifestOf('.').workspaces as string[], { cwd: root }).filter(
  (folder) => existsSync(join(root, folder, 'package.json')) && !manifestOf(folder).private,
);

test('every published package says what it is, where it comes from and where to report problems', () => {
  const core = manifestOf('core');
  assert.ok(folders.length > 8);
  for (const folder of folders) {
    const { version, license, description, keywords, homepage, bugs, repository } = manifestOf(folder);
    assert.equal(version, core.version, `${folder}: all packages have one version`);
    assert.equal(license, 'Apache-2.0', folder);
    assert.match(description, /\.$/, folder);
    assert.ok(keywords.length >= 3, folder);
    assert.ok(homepage.startsWith('https://github.com/'), folder);
    assert.deepEqual(bugs, core.bugs, folder);
    assert.deepEqual(repository, { ...core.repository, directory: folder }, folder);
    assert.ok(existsSync(join(root, folder, 'README.md')) || folder === 'core', `${folder} has no README.md`);
  }
});

test('the package rbee runs the command of the same version of @rbee/core', () => {
  const { bin, dependencies } = manifestOf('core/rbee');
  assert.deepEqual(dependencies, { '@rbee/core': manifestOf('core').version });
  const version = (file: string) =>
    execFileSync(process.execPath, [join(root, file), '--version'], { encoding: 'utf8' });
  assert.equal(version(join('core/rbee', bin.rbee)), version('core/bin/rbee.js'));
});

test('no test helper is published', () => {
  const published = folders.flatMap((folder) => globSync(`${folder}/dist/**/*testing*`, { cwd: root }));
  assert.deepEqual(published, []);
});

test('every link in the root pages and the examples resolves', () => {
  const pages = ['SECURITY.md', 'CHANGELOG.md', 'examples/README.md', 'core/worker-server/README.md'];
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(resolve(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});
