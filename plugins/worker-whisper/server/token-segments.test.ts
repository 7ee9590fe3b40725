import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { segmentsOf } from './token-segments.ts';

const timeBegin = 1000;
const at = (seconds: number) => timeBegin + Math.round(seconds * 50);

describe('the tokens of a window', () => {
  it('become segments, and show where to continue', () => {
    const cases: [what: string, tokens: number[], segments: [number, number, number[]][], consumed: number][] = [
      ['one segment and then nothing', [at(0), 1, 2, at(4)], [[0, 4, [1, 2]]], 30],
      [
        'two segments and then nothing',
        [at(0), 1, at(4), at(5), 2, at(9)],
        [
          [0, 4, [1]],
          [5, 9, [2]],
        ],
        30,
      ],
      ['a second segment that is cut off', [at(0), 1, at(4), at(5), 2, 3], [[0, 4, [1]]], 4],
      ['a second segment that has only begun', [at(0), 1, at(4), at(5)], [[0, 4, [1]]], 4],
      ['a segment without an end', [at(1), 1, 2], [[1, 30, [1, 2]]], 30],
      ['text without times', [1, 2], [[0, 30, [1, 2]]], 30],
      ['nothing', [], [], 30],
      ['a time and nothing', [at(0)], [], 30],
      ['a segment that ends before it begins', [at(5), 1, at(4)], [[5, 5, [1]]], 30],
    ];
    for (const [what, tokens, segments, consumed] of cases) {
      const made = segmentsOf(tokens, timeBegin, 30);
      assert.deepEqual(
        made.segments.map((one) => [one.start, one.end, one.tokens]),
        segments,
        what,
      );
      assert.equal(made.consumed, consumed, what);
      for (const one of made.segments) assert.equal(tokens[one.offset], one.tokens[0], what);
    }
  });
});
