import assert from 'node:assert/strict';
import { test } from 'node:test';
import { weightFormat } from './weights.ts';

// The endings stood in a plain object, and what every object has was taken for a format.
test('an ending is known or not, whatever it is called', () => {
  assert.equal(weightFormat('a/b.GGUF'), 'gguf');
  for (const ending of ['constructor', '__proto__', 'toString', 'txt'])
    assert.equal(weightFormat(`x.${ending}`), undefined);
});
