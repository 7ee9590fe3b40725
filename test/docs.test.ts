import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { apiPage } from '../tools/api-page.ts';
import { authoringPage } from '../tools/authoring-page.ts';
import { errorsPage } from '../tools/errors-page.ts';

const root = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

test('the errors page is generated from the catalogue', () => {
  assert.equal(read('docs/errors.md'), errorsPage(), 'run: npm run docs');
});

test('the API page is generated from the contract', () => {
  assert.equal(read('docs/api.md'), apiPage(), 'run: npm run docs');
});

test('the authoring guide matches the contract and the checks', () => {
  assert.equal(read('docs/authoring-a-worker-type.md'), authoringPage(), 'run: npm run docs');
});

test('every link between the pages resolves', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    ...globSync('docs/*.md', { cwd: root }),
    ...globSync('plugins/*/README.md', { cwd: root }),
  ];
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(resolve(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('every file that the pages mention exists', () => {
  const named = /`((?:core|plugins|test|tools|docs)\/[\w./-]+\.(?:ts|js|md|json))`/g;
  const missing = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: root })].flatMap((page) =>
    [...read(page).matchAll(named)]
      .map((match) => match[1] ?? '')
      .filter((file) => !existsSync(join(root, file)))
      .map((file) => `${page}: ${file}`),
  );
  assert.deepEqual(missing, []);
});
