import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selectFiles } from './select-files.ts';

const choose = (...paths: string[]) => selectFiles(paths.map((path) => ({ path, bytes: 1 }))).toSorted();
const small = [
  'config.json',
  'tokenizer.json',
  'tokenizer.model',
  'chat_template.jinja',
  'modeling_own.py',
  'LICENSE',
].sort();

describe('the files of a repository that vLLM needs', () => {
  it('are its safetensors and everything that is not weights', () => {
    const weights = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = 'model.safetensors.index.json';
    const others = [
      'pytorch_model.bin',
      'model.gguf',
      'tf_model.h5',
      'onnx/model.onnx',
      'original/consolidated.00.pth',
    ];
    const people = ['.gitattributes', 'README.md', 'assets/figure.png', 'figure.jpg'];
    assert.deepEqual(choose(...weights, index, ...small, ...others, ...people), [...weights, index, ...small].sort());
  });

  it('do not include the same weights twice', () => {
    const tokens = 'tekken.json';
    assert.deepEqual(choose('consolidated.safetensors', 'model.safetensors', tokens), ['model.safetensors', tokens]);
    assert.deepEqual(choose('consolidated.safetensors', tokens), ['consolidated.safetensors', tokens]);
    assert.deepEqual(choose('model.safetensors', 'model.fp16.safetensors'), ['model.safetensors']);
    assert.deepEqual(choose('model.fp16.safetensors'), ['model.fp16.safetensors']);
  });

  it('include subfolders, as sentence transformers use them', () => {
    const files = ['1_Pooling/config.json', '2_Dense/model.safetensors', 'model.safetensors', 'modules.json'];
    assert.deepEqual(choose(...files), files);
  });

  it('are none if there are no safetensors', () => {
    assert.deepEqual(choose('pytorch_model.bin', ...small), []);
    assert.deepEqual(choose(), []);
  });
});
