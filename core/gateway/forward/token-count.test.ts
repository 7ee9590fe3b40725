import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTokens } from './token-count.ts';

const counted = (pieces: readonly string[], isCut = false): number => {
  let tokens = -1;
  const nothing = { begin: () => {}, write: () => true, onDrain: () => {}, end: () => {}, breakOff: () => {} };
  const sink = countTokens(nothing, (count) => {
    tokens = count;
  });
  for (const piece of pieces) sink.write(Buffer.from(piece));
  if (isCut) sink.breakOff(undefined as never);
  else sink.end();
  return tokens;
};

test('the usage of an answer counts, however it is cut', () => {
  assert.equal(counted(['{"usage":{"prompt_tokens":3,"completion_tokens":4,"tot', 'al_tokens": 7}}']), 7);
  assert.equal(counted(['data: {"a":1}\n\ndata: {"usage":{"total_tokens":9}}\n\ndata: [DONE]\n\n']), 9);
  assert.equal(counted(['event: message_delta\ndata: {"usage":{"input_tokens":5,"output_tokens":6}}\n\n']), 11);
});

test('a stream without usage, or one that was cut off, counts its events', () => {
  assert.equal(counted(['data: {"a":1}\n\n', 'data: {"a":2}\n\ndata: {"a":3}\n\n'], true), 3);
});

test('an answer without tokens counts none', () => {
  assert.equal(counted(['{"data":[]}']), 0);
});
