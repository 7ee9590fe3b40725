import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RbeeError } from '../../../contract/errors.ts';
import { quantizationNames } from '../gguf/gguf-metadata.ts';
import { chooseFiles, selectFiles } from './choose-files.ts';
import { mainFile } from './main-file.ts';

const quantizations = await quantizationNames();
const filesOf = (paths: readonly string[]) => paths.map((path, index) => ({ path, bytes: 1_000 * (index + 1) }));
const choose = (paths: readonly string[], more: { formats?: string[]; type?: string; component?: string } = {}) =>
  chooseFiles(filesOf(paths), { model: 'hf:a/b', quantizations, ...more }).files.map(({ path }) => path);
const select = (paths: readonly string[], wanted: string) =>
  selectFiles(filesOf(paths), { model: 'hf:a/b', quantizations, select: wanted }).map(({ path }) => path);
const code =
  (expected: string, text = /./) =>
  (error: unknown) =>
    error instanceof RbeeError && error.code === expected && text.test(`${error.message} ${error.hint}`);

const gguf = [
  'README.md',
  'm-Q2_K.gguf',
  'm-Q4_K_M.gguf',
  'm-Q8_0.gguf',
  'm-BF16.gguf',
  'mmproj-m-F16.gguf',
  'm.imatrix.gguf',
];
const split = [
  'Q8_0/m-Q8_0-00001-of-00002.gguf',
  'Q8_0/m-Q8_0-00002-of-00002.gguf',
  'Q6_K/m-Q6_K-00001-of-00002.gguf',
  'Q6_K/m-Q6_K-00002-of-00002.gguf',
];
const trained = [
  '.gitattributes',
  'README.md',
  'config.json',
  'tokenizer.json',
  'model.safetensors',
  'pytorch_model.bin',
  'flax_model.msgpack',
  'tf_model.h5',
  'onnx/model.onnx',
  'onnx/model_q4.onnx',
  'original/consolidated.00.pth',
];

describe('the choice of files', () => {
  it('takes one quantization of a GGUF repository, the most suitable one', () => {
    assert.deepEqual(choose(gguf), ['m-Q4_K_M.gguf']);
    assert.deepEqual(
      choose(
        gguf.filter((path) => !path.includes('Q4_K_M')),
        { formats: ['gguf'] },
      ),
      ['m-Q8_0.gguf'],
    );
    assert.deepEqual(choose(['a-Q2_K.gguf', 'a-BF16.gguf']), ['a-Q2_K.gguf']);
    assert.deepEqual(choose(['odd.gguf']), ['odd.gguf']);
    const { note } = chooseFiles(filesOf(gguf), { model: 'hf:a/b', quantizations });
    assert.match(note ?? '', /Q4_K_M; also available: BF16, Q2_K, Q8_0/);
  });

  it('takes all parts of a split model', () => {
    assert.deepEqual(choose(split), ['Q6_K/m-Q6_K-00001-of-00002.gguf', 'Q6_K/m-Q6_K-00002-of-00002.gguf']);
  });

  it('takes the projector only as a component', () => {
    assert.deepEqual(choose(gguf, { formats: ['gguf'], component: 'mmproj' }), ['mmproj-m-F16.gguf']);
  });

  it('leaves out other versions of the same weights', () => {
    const kept = ['README.md', 'config.json', 'tokenizer.json', 'model.safetensors'];
    assert.deepEqual(choose(trained), kept);
    assert.deepEqual(choose(trained, { formats: ['safetensors-dir'] }), kept);
    const onnx = ['README.md', 'config.json', 'tokenizer.json', 'onnx/model.onnx', 'onnx/model_q4.onnx'];
    assert.deepEqual(choose(trained, { formats: ['onnx-dir'] }), onnx);
    const old = ['config.json', 'pytorch_model.bin'];
    assert.deepEqual(choose(old), old, 'where there is nothing else they are taken');
    const halves = ['model_index.json', 'unet/config.json', 'unet/m.safetensors', 'unet/m.fp16.safetensors'];
    assert.deepEqual(choose(halves), halves.slice(0, 3));
  });

  it('takes a format that the worker type loads if a repository has several', () => {
    const both = ['config.json', 'model.safetensors', 'model-Q4_K_M.gguf'];
    assert.deepEqual(choose(both, { formats: ['gguf'] }), ['model-Q4_K_M.gguf']);
    assert.deepEqual(choose(both), ['config.json', 'model.safetensors']);
    assert.deepEqual(choose(both, { formats: ['safetensors-dir', 'gguf'] }), ['config.json', 'model.safetensors']);
    assert.deepEqual(choose(['v1.safetensors', 'x/v2.safetensors'], { formats: ['safetensors'] }), ['v1.safetensors']);
    assert.throws(
      () => choose(trained, { formats: ['gguf'], type: 'llamacpp' }),
      code('MODEL_NOTHING_TO_LOAD', /safetensors.*-GGUF/),
    );
    assert.throws(() => choose([], {}), code('MODEL_NOTHING_TO_LOAD'));
  });

  it('follows an explicit choice: a file, its parts, a folder, a quantization', () => {
    assert.deepEqual(select(gguf, 'm-Q8_0.gguf'), ['m-Q8_0.gguf']);
    assert.deepEqual(select(split, split[1] ?? ''), split.slice(0, 2));
    assert.deepEqual(select(split, 'Q6_K'), split.slice(2));
    assert.deepEqual(select(split, 'Q6_K/'), split.slice(2));
    assert.deepEqual(select(gguf, 'q8_0'), ['m-Q8_0.gguf']);
    assert.throws(
      () => select(gguf, 'Q4_K_L'),
      code('MODEL_FILE_NOT_IN_REPOSITORY', /did you mean Q4_K_M.*Q2_K, Q4_K_M, Q8_0/),
    );
    assert.throws(
      () => select(['config.json'], 'confg.json'),
      code('MODEL_FILE_NOT_IN_REPOSITORY', /did you mean config\.json/),
    );
  });
});

describe('the path for an engine', () => {
  it('is the file, the first part, or the folder', () => {
    assert.equal(mainFile(['m.gguf']).path, 'm.gguf');
    assert.equal(mainFile(split.slice(0, 2)).path, split[0]);
    assert.deepEqual(mainFile(['config.json', 'model.safetensors'], { formats: ['safetensors-dir'] }).path, '');
    assert.equal(
      mainFile(['config.json', 'model.safetensors'], { formats: ['safetensors'] }).path,
      'model.safetensors',
    );
    assert.equal(mainFile(['config.json', 'onnx/a.onnx', 'onnx/b.onnx'], { formats: ['onnx-dir'] }).format, 'onnx-dir');
    assert.equal(mainFile(['x/config.json', 'x/a.onnx', 'x/b.onnx'], { select: 'x' }).path, 'x');
    assert.equal(mainFile(['m.gguf', 'mmproj.gguf']).path, 'm.gguf');
  });
});
