import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestFor, planModel, type RemoteReference, urlListing } from './plan-model.ts';

const reference: RemoteReference = { kind: 'hf', repo: 'acme/tiny' };
const sha = 'a'.repeat(64);
const other = 'b'.repeat(64);
const listed = (path: string, sha256: string | null = sha) => ({ path, bytes: 10, sha256, git: null });

test('chosen files that are not on disk are missing, the others are recorded as they are', () => {
  const known = manifestFor(reference, null, { commit: 'c1', files: [listed('a'), listed('b'), listed('c')] });
  const { manifest, missing } = planModel(
    known,
    new Map([
      ['a', sha],
      ['b', null],
    ]),
  );
  assert.deepEqual(
    missing.map(({ path }) => path),
    ['b'],
  );
  assert.deepEqual(
    manifest.files.map(({ wanted, blob }) => [wanted, blob]),
    [
      [true, sha],
      [true, null],
      [false, null],
    ],
  );
});

test('a new listing keeps only the local copies of unchanged files', () => {
  const before = manifestFor(reference, null, {
    commit: 'c1',
    files: [listed('same'), listed('new'), listed('bare', null)],
  });
  const { manifest } = planModel(
    before,
    new Map([
      ['same', sha],
      ['new', sha],
      ['bare', other],
    ]),
  );
  const after = manifestFor(reference, manifest, {
    commit: 'c2',
    files: [listed('same'), listed('new', other), listed('bare', null)],
  });
  assert.deepEqual(
    after.files.map(({ blob }) => blob),
    [sha, null, null],
  );
  assert.ok(after.files.every(({ wanted }) => wanted));
});

test('a URL is a repository of one file, whose name is safe', () => {
  const nameOf = (url: string) => urlListing({ kind: 'https', url } as never).files[0]?.path;
  assert.equal(nameOf('https://example.com/models/tiny%20one.gguf'), 'tiny one.gguf');
  for (const unsafe of ['https://example.com/', 'https://example.com/..%2Fevil', 'https://example.com/%E0%A4%A'])
    assert.equal(nameOf(unsafe), 'model', unsafe);
});
