import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tinyPipeline } from './tiny-pipeline.ts';

describe('the demo model', () => {
  it('is small, and always the same', () => {
    const [one, two] = [tinyPipeline(), tinyPipeline()];
    const bytes = [...one.values()].reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes < 200_000, String(bytes));
    assert.deepEqual(one, two);
  });
});
