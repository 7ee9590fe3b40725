import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { onLines } from './lines.ts';

const linesOf = async (...chunks: (string | Buffer)[]): Promise<string[]> => {
  const stream = new PassThrough();
  const lines: string[] = [];
  onLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) {
    stream.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return lines;
};

test('lines end at a line feed, however they come in pieces', async () => {
  assert.deepEqual(await linesOf('one\ntw', 'o', '\n\nthree\r\nfo', 'ur'), ['one', 'two', '', 'three']);
});

// readline ended lines at these two as well, which broke every answer with one of them in it.
test('a separator of lines or paragraphs of Unicode ends none', async () => {
  const text = JSON.stringify('\u2028 and \u2029');
  assert.deepEqual(await linesOf(`${text}\n`), [text]);
});

test('a character that is cut in two is whole again', async () => {
  const bytes = Buffer.from('\u{1f41d}\n');
  assert.deepEqual(await linesOf(bytes.subarray(0, 2), bytes.subarray(2)), ['\u{1f41d}']);
});
