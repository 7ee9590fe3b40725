import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const { diagnose } = resolveType(type);

const failure = (log: string[], code: number | null = 1, signal: string | null = null, wasReady = false) => ({
  log,
  exit: { code, signal },
  wasReady,
  binary: { id: 'llama-server' },
});

describe('the diagnosis', () => {
  it("knows llama.cpp's words", () => {
    const cases: [line: string, cause: string, says: RegExp][] = [
      ["0.1 E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", 'port_in_use', /8080/],
      ['llamacpp: error: cannot listen on 127.0.0.1 port 80: the port is already in use', 'port_in_use', /port 80/],
      [
        "gguf_init_from_file: failed to open GGUF file '/a.gguf' (No such file or directory)",
        'missing_model',
        /\/a\.gguf/,
      ],
      ["gguf_init_from_reader: invalid magic characters: 'this', expected 'GGUF'", 'bad_model', /not a GGUF/],
      [
        "error loading model: tensor 'output.weight' data is not within the file bounds, model is",
        'bad_model',
        /output\.weight/,
      ],
      ['gguf_init_from_reader: failed to read key-value pairs', 'bad_model', /header/],
      ["error loading model: unknown model architecture: 'zzama'", 'unsupported_model', /zzama/],
      ['CLIP cannot be used as main model, use it with --mmproj instead', 'unsupported_model', /mmproj/],
      ['invalid split file idx: 1', 'bad_model', /split/],
      ['error loading model: key not found in model: llama.block_count', 'bad_model', /llama\.block_count/],
      ['GGML_ASSERT(id_to_token.size() == token_to_id.size()) failed', 'bad_model', /vocabulary/],
      ['failed to initialize the context: failed to allocate buffer for kv cache', 'out_of_memory', /context/],
      // These were once diagnosed as out of memory.
      [
        'llama_init_from_model: K cache type q8_0 with block size 32 does not divide n_embd_head_k=16',
        'bad_option',
        /^cache_type_k=q8_0 does not fit this model.* 16 values/,
      ],
      [
        'llama_init_from_model: V cache type q4_0 with block size 32 does not divide n_embd_head_v=80',
        'bad_option',
        /^cache_type_v=q4_0 does not fit this model.* 80 values/,
      ],
      ['llama_init_from_model: quantized V cache requires flash_attn to be enabled', 'bad_option', /cache_type_v/],
      [
        'llama_init_from_model: model does not support different K (q8_0) and V (f16) cache types',
        'bad_option',
        /cache_type_k and cache_type_v, not q8_0 and f16/,
      ],
      ['llama_init_from_model: failed to initialize the context: n_ctx_seq == 0', 'unknown', /n_ctx_seq == 0/],
      ["common_init_result: failed to create context with model 'a.gguf'", 'unknown', /does not say why/],
      ['unable to allocate CUDA0 buffer', 'out_of_memory', /GPU/],
      [
        'ggml_backend_cuda: allocating 100.00 MiB on device 0: cudaMalloc failed: out of memory',
        'out_of_memory',
        /GPU/,
      ],
      ['ggml_aligned_malloc: insufficient memory (attempted to allocate 99999.00 MB)', 'out_of_memory', /memory/],
      ['error while handling argument "--device": invalid device: CUDA0', 'no_device', /CUDA0/],
      ['ggml_vulkan: Invalid device index 3 in GGML_VK_VISIBLE_DEVICES.', 'no_device', /3/],
      ['ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected', 'no_device', /no CUDA-capable/],
      [
        'failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version',
        'driver',
        /driver is too old/,
      ],
      ['CUDA error: an illegal memory access was encountered', 'driver', /illegal memory/],
      ['quantized V cache was requested, but this requires Flash Attention', 'bad_option', /flash attention/],
      ['error: invalid argument: --nope', 'bad_option', /--nope/],
      ['error while handling argument "--port": stoi', 'bad_option', /--port/],
      [
        'llama-server: error while loading shared libraries: libcudart.so.12: cannot open shared object file: No such file or directory',
        'missing_library',
        /libcudart\.so\.12/,
      ],
      ["/lib/libc.so.6: version `GLIBC_2.38' not found (required by llama-server)", 'missing_library', /GLIBC_2\.38/],
      ['no backends are loaded. hint: use ggml_backend_load()', 'missing_library', /libraries/],
    ];
    for (const [line, cause, says] of cases) {
      const found = diagnose(
        failure(['0.00 I srv starting', line, 'E srv llama_server: exiting due to model loading error']),
      );
      assert.equal(found?.cause, cause, line);
      assert.match(found?.message ?? '', says, line);
      assert.ok(found?.hint, line);
      assert.doesNotMatch(`${found?.message}${found?.hint}`, /\{\d\}|undefined/, line);
    }
  });

  it('gives the right hint for a broken chat template and a big-endian file: not to download again', () => {
    const own = (said: string, code: number) =>
      diagnose({ ...failure([`llamacpp: error: ${said}`], code), binary: { id: 'builtin' } });
    const template = own('the chat template of the model cannot be read: Unclosed block', 65);
    assert.equal(template?.message, 'the chat template cannot be read: Unclosed block');
    assert.match(template?.hint ?? '', /--option chat_template/);
    const endian = own('the model file /a.gguf cannot be used: it is for big-endian machines: download …', 65);
    assert.match(`${endian?.message} ${endian?.hint}`, /a\.gguf.*big-endian.*gguf_convert_endian/);
    const cut = own('the model file /a.gguf is cut off: the data of x ends at byte 5', 65);
    assert.match(`${cut?.message} ${cut?.hint}`, /cut off.*download the model again/);
    const server = diagnose(failure(['srv  init: chat template parsing error: Unexpected token']));
    assert.match(`${server?.message} ${server?.hint}`, /Unexpected token.*--option chat_template/);
  });

  it('uses the exit code or signal if the log says nothing', () => {
    assert.equal(diagnose(failure([], null, 'SIGKILL'))?.cause, 'killed');
    assert.equal(diagnose(failure(['ggml.c:1: GGML_ASSERT(a) failed'], null, 'SIGABRT'))?.cause, 'crashed');
    assert.match(diagnose(failure(['ggml.c:1: GGML_ASSERT(a) failed'], 134))?.message ?? '', /GGML_ASSERT\(a\)/);
    assert.equal(diagnose(failure([], null, 'SIGSEGV', true))?.cause, 'crashed');
    assert.equal(diagnose(failure([], 127))?.cause, 'missing_library');
  });

  it('leaves an exit with 0 to the hive', () => {
    assert.equal(diagnose(failure([], 0)), undefined);
    assert.equal(diagnose(failure([], 0, null, true)), undefined);
  });

  it('recognises a port in use even if the last lines of llama-server are lost', () => {
    const log = ['0.00 I srv          init: The UI is disabled'];
    assert.equal(diagnose(failure(log))?.cause, 'port_in_use');
    assert.equal(diagnose(failure([...log, "I srv load_model: loading model 'a'"])), undefined);
  });

  it('has no diagnosis for a worker that was given up while it was running', () => {
    assert.equal(diagnose({ log: ['loading'], exit: null, wasReady: false, binary: { id: 'builtin' } }), undefined);
  });
});
