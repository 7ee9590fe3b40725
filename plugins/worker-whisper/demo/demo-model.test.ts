import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { heardSentence, heardTokens, translatedSentence, translatedTokens } from './sentence.ts';
import { whisperModel } from './whisper-model.ts';

describe('the demo model', () => {
  it('is small and identical on every machine', () => {
    const files = Object.entries(whisperModel());
    const hash = createHash('sha256');
    for (const [path, bytes] of files) hash.update(path).update(bytes);
    assert.equal(hash.digest('hex'), '7bf2ab7a919e46ee9e0693c99d41b665e2b5f677994757942148091a3ca1f555');
    assert.ok(files.reduce((sum, [, bytes]) => sum + bytes.length, 0) < 100_000);
  });

  it('has sentences of unique tokens', () => {
    const tokens = [...heardTokens.flat(), ...translatedTokens];
    assert.equal(new Set(tokens).size, tokens.length);
    assert.equal(heardSentence, 'Hello from rbee. This machine heard a sound!');
    assert.equal(translatedSentence, 'In English, too?');
  });
});
