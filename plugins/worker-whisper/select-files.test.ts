import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingFiles } from './dtypes.ts';
import { selectFiles } from './select-files.ts';

const repository = (...paths: string[]) => [...settingFiles, ...paths].map((path) => ({ path, bytes: 1 }));
const networks = (...suffixes: string[]) =>
  suffixes.flatMap((suffix) => [`onnx/encoder_model${suffix}.onnx`, `onnx/decoder_model_merged${suffix}.onnx`]);

describe('the files to download', () => {
  it('are the settings and the networks in one number format', () => {
    const large = ['onnx/encoder_model.onnx_data', 'onnx/encoder_model.onnx_data_1'];
    const all = repository(
      ...networks('', '_fp16', '_quantized', '_q4'),
      ...large,
      'onnx/decoder_model.onnx',
      'onnx/decoder_with_past_model.onnx',
      'README.md',
      'model.safetensors',
      'vocab.json',
    );
    const cases: [dtype: string, chosen: string[]][] = [
      ['auto', [...networks(''), ...large]],
      ['fp32', [...networks(''), ...large]],
      ['fp16', networks('_fp16')],
      ['q8', networks('_quantized')],
      ['q4', networks('_q4')],
    ];
    for (const [dtype, chosen] of cases) {
      const files = selectFiles(all, { dtype });
      assert.deepEqual([...files].sort(), [...settingFiles, ...chosen].sort(), dtype);
    }
  });

  it('are in the most exact format in which both networks exist', () => {
    const some = repository('onnx/encoder_model.onnx', ...networks('_q4', '_quantized'));
    assert.deepEqual([...selectFiles(some, {})].sort(), [...settingFiles, ...networks('_quantized')].sort());
  });

  it('are one ggml file in the repository of whisper.cpp', () => {
    const names = ['ggml-tiny.bin', 'ggml-base.bin', 'ggml-base-encoder.mlmodelc.zip', 'README.md'];
    const files = names.map((path) => ({ path, bytes: 1 }));
    assert.deepEqual(selectFiles(files, {}), ['ggml-base.bin']);
    assert.deepEqual(selectFiles(files.slice(0, 1), {}), ['ggml-tiny.bin']);
  });

  it('are none if it is not a Whisper model', () => {
    assert.deepEqual(selectFiles(repository('model.safetensors'), {}), []);
    assert.deepEqual(selectFiles(repository(...networks('')), { dtype: 'q4' }), []);
  });
});
