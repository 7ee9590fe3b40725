import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selectFiles } from './select-files.ts';

const choose = (paths: readonly string[], options = {}) =>
  [
    ...selectFiles(
      paths.map((path, index) => ({ path, bytes: 1000 - index })),
      options,
    ),
  ].sort();

const torch = [
  'README.md',
  'model_index.json',
  'scheduler/scheduler_config.json',
  'text_encoder/config.json',
  'text_encoder/model.safetensors',
  'text_encoder/pytorch_model.bin',
  'tokenizer/merges.txt',
  'tokenizer/vocab.json',
  'unet/config.json',
  'unet/diffusion_pytorch_model.safetensors',
  'vae/diffusion_pytorch_model.safetensors',
];
const onnx = [
  'text_encoder/model.onnx',
  'unet/model.onnx',
  'unet/model.onnx_data',
  'unet/weights.pb',
  'vae_decoder/model.onnx',
  'vae_encoder/model.onnx',
  'safety_checker/model.onnx',
];

describe('the files of a repository', () => {
  it('are the ONNX pipeline, without files for other programs and the safety checker', () => {
    assert.deepEqual(choose([...torch, ...onnx, 'sd.safetensors']), [
      'model_index.json',
      'scheduler/scheduler_config.json',
      'text_encoder/config.json',
      'text_encoder/model.onnx',
      'tokenizer/merges.txt',
      'tokenizer/vocab.json',
      'unet/config.json',
      'unet/model.onnx',
      'unet/model.onnx_data',
      'unet/weights.pb',
      'vae_decoder/model.onnx',
      'vae_encoder/model.onnx',
    ]);
  });

  it('are one export of each network', () => {
    const chosen = choose([...torch, ...onnx, 'unet/model_fp16.onnx', 'unet/model_fp16.onnx_data']);
    assert.ok(!chosen.some((path) => path.includes('fp16')));
    assert.ok(chosen.includes('unet/model.onnx_data'));
  });

  it('are one file if there is no ONNX pipeline: the best quantization, or the smaller of several', () => {
    const quantized = ['flux-Q2_K.gguf', 'flux-Q4_0.gguf', 'flux-Q8_0.gguf', 'flux-F16.gguf', 'ae.safetensors'];
    assert.deepEqual(choose(quantized), ['flux-Q8_0.gguf']);
    assert.deepEqual(choose(['big.safetensors', 'small.safetensors', 'vae-ft.safetensors', ...torch]), [
      'small.safetensors',
    ]);
    assert.deepEqual(choose(['a-Q8_0-00002-of-00002.gguf', 'a-Q8_0-00001-of-00002.gguf', 'b.gguf']), [
      'a-Q8_0-00001-of-00002.gguf',
      'a-Q8_0-00002-of-00002.gguf',
    ]);
  });

  it('are those for the requested engine', () => {
    const both = [...torch, ...onnx, 'sd.safetensors'];
    assert.deepEqual(choose(both, { engine: 'sd-server' }), ['sd.safetensors']);
    assert.deepEqual(choose(torch, { engine: 'builtin' }), []);
  });

  it('are none if neither engine can load anything', () => {
    assert.deepEqual(choose(torch), []);
    assert.deepEqual(choose([]), []);
    assert.deepEqual(choose(['unet', 'unet/', '/', '', '__proto__', 'model_index.json']), []);
  });
});
