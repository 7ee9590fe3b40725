import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseModelReference } from '../../contract/model-reference.ts';
import { likelyFormat } from './launch-plan.ts';

test('the name of a model file shows its format before the download, if the worker type loads that format', () => {
  const models = { formats: ['ggml', 'gguf', 'onnx-dir'] };
  const of = (text: string) => {
    const reference = parseModelReference(text);
    assert.ok(reference.kind === 'hf' || reference.kind === 'https');
    return likelyFormat(reference, { models });
  };
  assert.equal(of('hf:acme/whisper:ggml-base.bin'), 'ggml');
  assert.equal(of('hf:acme/tiny:sub/tiny-Q4_0.GGUF@main'), 'gguf');
  assert.equal(of('https://example.org/tiny.gguf?download=true'), 'gguf');
  for (const open of ['hf:acme/Tiny-GGUF', 'hf:acme/tiny:Q4_0', 'hf:acme/tiny:model.safetensors']) {
    assert.equal(of(open), undefined, open);
  }
});
