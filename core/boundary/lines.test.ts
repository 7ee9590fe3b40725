import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadInput } from './bad-input.ts';
import { LineSplitter } from './lines.ts';

const linesOf = (...chunks: (string | Buffer)[]): string[] => {
  const splitter = new LineSplitter(1000);
  return chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
};

test('a line ends at a line feed, whatever pieces it arrives in', () => {
  assert.deepEqual(linesOf('one\ntw', 'o', '\n\nthree\r\nfo', 'ur'), ['one', 'two', '', 'three']);
});

// readline split at these two as well, which broke every answer that contained one of them.
test('a Unicode line or paragraph separator does not end a line', () => {
  const text = JSON.stringify('\u2028 and \u2029');
  assert.deepEqual(linesOf(`${text}\n`), [text]);
});

test('a character split between chunks is reassembled', () => {
  const bytes = Buffer.from('\u{1f41d}\n');
  assert.deepEqual(linesOf(bytes.subarray(0, 2), bytes.subarray(2)), ['\u{1f41d}']);
});

test('an endless line is refused, many short lines are not', () => {
  const piece = 'x'.repeat(400);
  assert.equal(linesOf(...Array.from({ length: 10 }, () => `${piece}\n`)).length, 10);
  assert.throws(() => linesOf(piece, piece, piece), BadInput);
  assert.deepEqual(linesOf(piece, `${piece}\n${piece}`, `${piece}\n`), [piece + piece, piece + piece]);
});

test('a line that arrives byte by byte is reassembled', () => {
  const line = 'y'.repeat(900);
  assert.deepEqual(linesOf(...line, '\n'), [line]);
});
