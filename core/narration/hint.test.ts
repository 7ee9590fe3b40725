import assert from 'node:assert/strict';
import { it } from 'node:test';
import { labelled } from './hint.ts';

it('labels a hint once, and only when it is advice', () => {
  assert.equal(labelled('rbee doctor'), 'try: rbee doctor');
  assert.equal(labelled('run: rbee doctor'), 'try: rbee doctor');
  assert.equal(labelled('try: --device cpu'), 'try: --device cpu');
  for (const fact of ['see: rbee --help', 'known hives: local', 'its variants: cpu', 'llamacpp loads: gguf', '']) {
    assert.equal(labelled(fact), fact);
  }
});
