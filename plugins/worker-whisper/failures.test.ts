import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const { diagnose } = resolveType(type);

const failure = (log: string[], code: number | null = 1, signal: string | null = null, wasReady = false) => ({
  log,
  exit: { code, signal },
  wasReady,
  binary: { id: 'onnx' },
});

describe('the diagnosis', () => {
  it("recognises the engines' messages", () => {
    const cases: [line: string, cause: string, says: RegExp][] = [
      ['whisper: error: cannot listen on 127.0.0.1 port 80: the port is already in use', 'port_in_use', /port 80/],
      ["whisper: couldn't bind to server socket: hostname=127.0.0.1 port=1", 'port_in_use', /port/],
      ['Failed to load library libonnxruntime_providers_cuda.so with error', 'missing_library', /CUDA libraries/],
      [
        'whisper-server: error while loading shared libraries: libcublas.so.12: no such file',
        'missing_library',
        /cublas/,
      ],
      ["version `GLIBC_2.38' not found (required by whisper-server)", 'missing_library', /GLIBC_2\.38/],
      ['whisper_model_load: invalid model data (bad magic)', 'bad_model', /ggml/],
      ["whisper_init_from_file_with_params_no_state: failed to open '/a.bin'", 'missing_model', /\/a\.bin/],
      ['error: failed to initialize whisper context', 'bad_model', /cannot load/],
      ['ggml_cuda: cudaMalloc failed: out of memory', 'out_of_memory', /GPU/],
      ['terminate called after throwing std::bad_alloc', 'out_of_memory', /memory/],
      ['CUDA failure 100: no CUDA-capable device is detected ; GPU=0', 'no_device', /no device/],
      ['CUDA error: an illegal memory access was encountered', 'driver', /illegal memory/],
      ['error: unknown argument: --nope', 'bad_option', /--nope/],
    ];
    for (const [line, cause, says] of cases) {
      const found = diagnose(failure(['first', line, 'last']));
      assert.equal(found?.cause, cause, line);
      assert.match(found?.message ?? '', says, line);
      assert.ok(found?.hint, line);
      assert.doesNotMatch(`${found?.message}${found?.hint}`, /\{\d\}|undefined/, line);
    }
  });

  it('uses the exit codes and messages of our own server', () => {
    const log = ['whisper: loading 10 %', 'whisper: error: the model /m has no tokenizer.json'];
    assert.deepEqual(diagnose(failure(log, 66))?.cause, 'missing_model');
    assert.equal(diagnose(failure(log, 66))?.message, 'the model /m has no tokenizer.json');
    assert.equal(diagnose(failure(['whisper: error: --slots must be'], 64))?.cause, 'bad_option');
  });

  it('uses the exit code or signal if the log says nothing', () => {
    assert.equal(diagnose(failure([], null, 'SIGKILL'))?.cause, 'killed');
    assert.equal(diagnose(failure([], 137))?.cause, 'killed');
    assert.equal(diagnose(failure([], 139, null, true)), undefined, 'the hive diagnoses this');
    assert.equal(diagnose(failure([], 0)), undefined);
    assert.equal(diagnose(failure([], 0, null, true)), undefined);
    assert.equal(diagnose({ log: ['loading'], exit: null, wasReady: false, binary: { id: 'onnx' } }), undefined);
  });
});
