import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { didYouMean, nearest } from './near.ts';

describe('nearest', () => {
  it('finds a word with a wrong, missing or added letter, or two swapped letters', () => {
    for (const typed of ['lamacpp', 'llamacppp', 'lalmacpp', 'llamacqp', 'LLAMACPP']) {
      assert.deepEqual(nearest(typed, ['whisper', 'llamacpp', 'sd']), ['llamacpp']);
    }
  });

  it('finds words that begin with what was typed', () => {
    assert.deepEqual(nearest('qwen', ['qwen3-0.6b-instruct', 'llama']), ['qwen3-0.6b-instruct']);
  });

  it('returns the nearest first, at most three', () => {
    assert.deepEqual(nearest('demo', ['dxmo', 'demo2', 'memo', 'demos', 'demo']).at(0), 'demo');
    assert.equal(nearest('demo', ['dxmo', 'demo2', 'memo', 'demos', 'demo']).length, 3);
  });

  it('returns nothing if nothing is near, and copes with a word of megabytes', () => {
    assert.deepEqual(nearest('whisper', ['llamacpp', 'sd']), []);
    assert.deepEqual(nearest('x'.repeat(5_000_000), ['llamacpp']), []);
    assert.equal(didYouMean('whisper', ['sd']), '');
  });

  it('ends a sentence', () => {
    assert.equal(didYouMean('dmeo', ['demo']), '; did you mean demo?');
  });
});
