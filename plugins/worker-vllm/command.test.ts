import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '@rbee/contract';
import { command } from './command.ts';
import { options } from './options.ts';
import { readStandInArguments } from './test/stand-in-arguments.ts';

const launch = (given: Record<string, unknown> = {}, more: Partial<Launch> = {}): Launch => ({
  id: 'vllm-1',
  variant: 'cuda',
  device: { kind: 'cuda', indices: [1] },
  deviceFlags: { args: [], env: { CUDA_VISIBLE_DEVICES: '1' } },
  options: given,
  binary: { id: 'vllm', kind: 'path', path: '/x/vllm', argv: ['/x/vllm'] },
  models: { main: '/models/a b' },
  names: ['a', 'a:latest'],
  host: '127.0.0.1',
  port: 18_001,
  apiKey: 'secret',
  ...more,
});
const cpu = { variant: 'cpu', device: { kind: 'cpu', indices: [] }, binary: { ...launch().binary, id: 'vllm-cpu' } };
const args = (given?: Record<string, unknown>, more?: Partial<Launch>) => command(launch(given, more)).args;
const env = (given?: Record<string, unknown>, more?: Partial<Launch>) => command(launch(given, more)).env ?? {};

describe('the command line of vllm serve', () => {
  it('has the address, the model and every name', () => {
    assert.deepEqual(args(), [
      ...['serve', '/models/a b', '--host', '127.0.0.1', '--port', '18001', '--served-model-name', 'a', 'a:latest'],
      ...['--gpu-memory-utilization=0.9', '--disable-uvicorn-access-log'],
    ]);
  });

  it('is the same with explicit and with omitted defaults', () => {
    const defaults = Object.fromEntries(
      Object.entries(options.properties).map(([name, option]) => [name, option.default]),
    );
    assert.deepEqual(command(launch()), command(launch(defaults)));
  });

  it('keeps the API key out of the arguments, and switches the hub off', () => {
    assert.ok(!args().join(' ').includes('secret'));
    const { VLLM_API_KEY, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, VLLM_NO_USAGE_STATS, CUDA_VISIBLE_DEVICES } = env();
    assert.deepEqual([VLLM_API_KEY, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE], ['secret', '1', '1']);
    assert.deepEqual([VLLM_NO_USAGE_STATS, CUDA_VISIBLE_DEVICES], ['1', '1']);
  });

  it('splits a model across its devices', () => {
    const on = (indices: number[], given: Record<string, unknown> = {}) =>
      args(given, { device: { kind: 'cuda', indices } }).filter((arg) => arg.includes('parallel'));
    assert.deepEqual(on([0]), []);
    assert.deepEqual(on([0, 1, 2, 3]), ['--tensor-parallel-size=4']);
    assert.deepEqual(on([0, 1, 2, 3], { pipeline_parallel: 2 }), [
      '--tensor-parallel-size=2',
      '--pipeline-parallel-size=2',
    ]);
    assert.deepEqual(on([0, 1], { pipeline_parallel: 2 }), ['--pipeline-parallel-size=2']);
    assert.deepEqual(on([0, 1], { tensor_parallel: 1 }), []);
  });

  it('maps each option to its vLLM flag', () => {
    const table: [Record<string, unknown>, string][] = [
      [{ max_model_len: 8192 }, '--max-model-len=8192'],
      [{ gpu_memory_utilization: 0.5 }, '--gpu-memory-utilization=0.5'],
      [{ kv_cache_memory: 1024 }, '--kv-cache-memory-bytes=1024'],
      [{ kv_cache_dtype: 'fp8' }, '--kv-cache-dtype=fp8'],
      [{ cpu_offload_gib: 8 }, '--cpu-offload-gb=8'],
      [{ dtype: 'half' }, '--dtype=half'],
      [{ quantization: 'awq' }, '--quantization=awq'],
      [{ max_num_seqs: 3 }, '--max-num-seqs=3'],
      [{ max_num_batched_tokens: 4096 }, '--max-num-batched-tokens=4096'],
      [{ enforce_eager: true }, '--enforce-eager'],
      [{ prefix_caching: false }, '--no-enable-prefix-caching'],
      [{ runner: 'pooling', convert: 'embed' }, '--runner=pooling --convert=embed'],
      [{ max_lora_rank: 64 }, '--max-lora-rank=64'],
      [{ chat_template: '--{{ a }}' }, '--chat-template=--{{ a }}'],
      [{ tool_call_parser: 'hermes' }, '--enable-auto-tool-choice --tool-call-parser=hermes'],
      [{ reasoning_parser: 'qwen3' }, '--reasoning-parser=qwen3'],
      [{ trust_remote_code: true }, '--trust-remote-code'],
      [{ sleep_mode: true }, '--enable-sleep-mode'],
    ];
    for (const [given, flags] of table) assert.ok(args(given).join(' ').includes(flags), flags);
  });

  it('opens the development paths only for sleep mode', () => {
    assert.equal(env({ sleep_mode: true })['VLLM_SERVER_DEV_MODE'], '1');
    assert.equal(env()['VLLM_SERVER_DEV_MODE'], undefined);
  });

  it('names LoRA adapters, after their folder if they have no name', () => {
    const given = args({ lora_modules: ['sql=/loras/a=b', '/loras/poems/'] });
    assert.ok(given.includes('--enable-lora'));
    const at = given.indexOf('--lora-modules');
    assert.deepEqual(
      given.slice(at + 1, at + 3).map((text) => JSON.parse(text)),
      [
        { name: 'sql', path: '/loras/a=b' },
        { name: 'poems', path: '/loras/poems/' },
      ],
    );
  });

  it('preloads libraries with a script on the CPU, and uses main memory for the cache', () => {
    const given = args({ cpu_kv_cache_gib: 2 }, cpu);
    assert.deepEqual(given.slice(0, 3), ['/x/vllm', 'serve', '/models/a b']);
    assert.ok(!given.some((arg) => arg.startsWith('--gpu-memory')));
    assert.equal(env({ cpu_kv_cache_gib: 2 }, cpu)['VLLM_CPU_KVCACHE_SPACE'], '2');
    assert.equal(env({ cpu_threads: '0-15' }, cpu)['VLLM_CPU_OMP_THREADS_BIND'], '0-15');
    assert.equal(env()['VLLM_CPU_KVCACHE_SPACE'], undefined);
  });

  it('adds extra arguments, and refuses those that rbee sets or that expose more than the model', () => {
    const extra = ['--seed', '7', '--load-format=dummy', '-cc', '{"level": 3}', '--max-logprobs=5'];
    assert.deepEqual(args({ extra_args: extra }).slice(-extra.length), extra);
    const ours = [
      ...['--host', '--port=1', '--api-key', '--api_key=x', '--served-model-name', '--uds', '--model', '-tp', '-q=awq'],
      ...[
        '--config',
        '--middleware',
        '--trust-remote-code',
        '--trust_remote_code',
        '--tool-parser-plugin',
        '--ssl-keyfile',
      ],
      // argparse accepts abbreviated flags.
      ...['--hos', '--serv', '--middle', '--trust', '--'],
    ];
    for (const flag of ours) assert.throws(() => args({ extra_args: [flag] }), /extra_args cannot contain/, flag);
  });

  it('is parsed by vLLM to the same values', () => {
    const [verb, ...rest] = args({ max_model_len: 512, lora_modules: ['sql=/loras/sql'], enforce_eager: true });
    const read = readStandInArguments(rest);
    assert.equal(verb, 'serve');
    assert.deepEqual(
      [read.model, read.names, read.host, read.port],
      ['/models/a b', ['a', 'a:latest'], '127.0.0.1', 18_001],
    );
    assert.deepEqual([read.maxModelLen, read.loras], [512, ['sql']]);
  });
});
