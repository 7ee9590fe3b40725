import assert from 'node:assert/strict';
import { test } from 'node:test';
import { weightFormat } from './weights.ts';

// The extensions used to be keys of a plain object, so built-in property names passed for formats.
test('an extension is known only if it is listed, whatever its name', () => {
  assert.equal(weightFormat('a/b.GGUF'), 'gguf');
  for (const ending of ['constructor', '__proto__', 'toString', 'txt'])
    assert.equal(weightFormat(`x.${ending}`), undefined);
});
