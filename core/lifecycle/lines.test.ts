import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineSplitter, LineTooLong } from './lines.ts';

const linesOf = (...chunks: (string | Buffer)[]): string[] => {
  const splitter = new LineSplitter(1000);
  return chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
};

test('lines end at a line feed, however they come in pieces', () => {
  assert.deepEqual(linesOf('one\ntw', 'o', '\n\nthree\r\nfo', 'ur'), ['one', 'two', '', 'three']);
});

// readline ended lines at these two as well, which broke every answer with one of them in it.
test('a separator of lines or paragraphs of Unicode ends none', () => {
  const text = JSON.stringify('\u2028 and \u2029');
  assert.deepEqual(linesOf(`${text}\n`), [text]);
});

test('a character that is cut in two is whole again', () => {
  const bytes = Buffer.from('\u{1f41d}\n');
  assert.deepEqual(linesOf(bytes.subarray(0, 2), bytes.subarray(2)), ['\u{1f41d}']);
});

test('a line without end is given up, many short ones are not', () => {
  const piece = 'x'.repeat(400);
  assert.equal(linesOf(...Array.from({ length: 10 }, () => `${piece}\n`)).length, 10);
  assert.throws(() => linesOf(piece, piece, piece), LineTooLong);
  assert.deepEqual(linesOf(piece, `${piece}\n${piece}`, `${piece}\n`), [piece + piece, piece + piece]);
});
