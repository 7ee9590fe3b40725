import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { packagesOfType, parseRequest } from './request.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-request-'));
after(() => rmSync(folder, { recursive: true }));

const candidates = (text: string) => {
  const request = parseRequest(text);
  assert.equal(request.kind, 'registry');
  return request.kind === 'registry' ? request.candidates.map(({ name, range }) => `${name} ${range}`) : [];
};

test('a bare word is first an rbee worker type, then a package', () => {
  assert.deepEqual(candidates('whisper'), ['@rbee/worker-whisper null', 'whisper null']);
  assert.deepEqual(candidates('whisper@^1.2'), ['@rbee/worker-whisper ^1.2', 'whisper ^1.2']);
});

test('a type is found with or without dashes and dots', () => {
  assert.deepEqual(packagesOfType('llama-cpp'), ['@rbee/worker-llama-cpp', '@rbee/worker-llamacpp']);
  assert.deepEqual(packagesOfType('llama.cpp'), ['@rbee/worker-llamacpp']);
  assert.deepEqual(packagesOfType('../evil'), []);
});

test('a package name is used as written, with its range', () => {
  assert.deepEqual(candidates('@acme/worker-echo'), ['@acme/worker-echo null']);
  assert.deepEqual(candidates('@acme/worker-echo@1.2.3'), ['@acme/worker-echo 1.2.3']);
  assert.deepEqual(candidates('@acme/worker-echo@>=1 <3'), ['@acme/worker-echo >=1 <3']);
});

test('paths are files and folders, addresses are tarballs or git', () => {
  const file = join(folder, 'plugin.tgz');
  writeFileSync(file, '');
  assert.deepEqual(parseRequest(file), { kind: 'tarball', file });
  assert.deepEqual(parseRequest(`file:${file}`), { kind: 'tarball', file });
  assert.deepEqual(parseRequest(folder), { kind: 'folder', folder });
  assert.deepEqual(parseRequest('https://example.org/a.tgz'), { kind: 'remote', url: 'https://example.org/a.tgz' });
  for (const spec of ['git+https://example.org/a.git', 'github:acme/echo', 'https://example.org/a.git#v1']) {
    assert.deepEqual(parseRequest(spec), { kind: 'git', address: spec });
  }
});

test('anything else is refused', () => {
  for (const text of ['../evil', '@acme/../evil', 'Upper Case', 'echo@1;rm', '@acme', `/nowhere/at/all`, '__proto__']) {
    assert.throws(() => parseRequest(text), { code: 'INVALID_INPUT' }, text);
  }
});
