import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { bertModel } from './bert-model.ts';
import { chainModel } from './chain-model.ts';
import { demoSentence, sentenceTokens } from './sentence.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the demo model', () => {
  it('is small and identical on every machine', () => {
    assert.equal(sha256(chainModel()), '3fbcb898e87d8024dfd1cd2269625f85ee42fb24d62eef302a143384a98f5937');
    assert.equal(
      sha256(chainModel({ endless: true })),
      '79f33c5f423cea8d6f0c1aa71f8cc6b47eeaae2b04c112e6a2e5c2a3a2dc741d',
    );
    assert.equal(sha256(bertModel()), 'afbd7fd8e695f813e79c91411d4b0183543070530c35dd889520c60c4b2c7cb7');
    assert.ok(chainModel().length < 600_000);
  });

  it('has a sentence of unique tokens, none of which can come from a prompt', () => {
    assert.equal(new Set(sentenceTokens).size, sentenceTokens.length);
    // The tokenizer would merge pairs of characters of a prompt. Without pairs, it cannot reach longer tokens either.
    assert.ok(sentenceTokens.every((token) => [...token].length > 2));
    assert.equal(
      demoSentence,
      'Hello from rbee. This answer was made by llama.cpp on your own machine, one token at a time.',
    );
  });
});
