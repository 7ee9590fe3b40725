/** The command line and environment of one `vllm serve`. */
import type { Command, Launch } from '@rbee/contract';
import { loraNames, readLoraModule } from './lora.ts';
import { type Options, withDefaults } from './options.ts';
import { allowed } from './refused.ts';

/**
 * Options at their default are left out: flags differ between versions of vLLM, and it refuses unknown ones. String values
 * follow `=`, so that none can be taken for a flag.
 */
export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  const serve = [
    ...['serve', mainModel(launch)],
    ...['--host', launch.host, '--port', String(launch.port)],
    ...[
      '--served-model-name',
      ...launch.names.filter((name, index) => index === 0 || !loraNames(options).includes(name)),
    ],
    ...parallel(launch, options),
    ...memory(launch, options),
    ...model(options),
    ...lora(options),
    ...answers(options),
    // Health and metrics are polled constantly.
    '--disable-uvicorn-access-log',
    ...launch.deviceFlags.args,
    ...allowed(options.extra_args),
  ];
  return {
    args: launch.binary.id === 'vllm-cpu' ? [...launch.binary.argv, ...serve] : serve,
    env: { ...launch.deviceFlags.env, ...environment(launch, options) },
  };
};

const mainModel = ({ models }: Launch): string => {
  const main = models['main'];
  if (main === undefined) throw new Error('vllm needs a model');
  return main;
};

const parallel = ({ device }: Launch, { tensor_parallel, pipeline_parallel }: Options): string[] => {
  const shared = Math.max(1, Math.floor(device.indices.length / pipeline_parallel));
  const tensor = tensor_parallel === 0 ? shared : tensor_parallel;
  return [
    ...(tensor === 1 ? [] : [`--tensor-parallel-size=${tensor}`]),
    ...(pipeline_parallel === 1 ? [] : [`--pipeline-parallel-size=${pipeline_parallel}`]),
  ];
};

const memory = ({ variant }: Launch, options: Options): string[] => [
  ...(variant === 'cpu' ? [] : [`--gpu-memory-utilization=${options.gpu_memory_utilization}`]),
  ...(options.kv_cache_memory === 0 || variant === 'cpu' ? [] : [`--kv-cache-memory-bytes=${options.kv_cache_memory}`]),
  ...(options.cpu_offload_gib === 0 || variant === 'cpu' ? [] : [`--cpu-offload-gb=${options.cpu_offload_gib}`]),
  ...said('--kv-cache-dtype', options.kv_cache_dtype),
  ...(options.max_model_len === 0 ? [] : [`--max-model-len=${options.max_model_len}`]),
  ...(options.max_num_seqs === 0 ? [] : [`--max-num-seqs=${options.max_num_seqs}`]),
  ...(options.max_num_batched_tokens === 0 ? [] : [`--max-num-batched-tokens=${options.max_num_batched_tokens}`]),
  ...(options.prefix_caching ? [] : ['--no-enable-prefix-caching']),
  ...(options.enforce_eager ? ['--enforce-eager'] : []),
  ...(options.sleep_mode ? ['--enable-sleep-mode'] : []),
];

const model = (options: Options): string[] => [
  ...said('--dtype', options.dtype),
  ...said('--quantization', options.quantization),
  ...said('--runner', options.runner),
  ...said('--convert', options.convert),
  ...(options.trust_remote_code ? ['--trust-remote-code'] : []),
];

const lora = ({ lora_modules, max_lora_rank }: Options): string[] => [
  ...(lora_modules.length === 0 ? [] : ['--enable-lora', '--lora-modules', ...lora_modules.map(loraModule)]),
  ...(max_lora_rank === 0 ? [] : [`--max-lora-rank=${max_lora_rank}`]),
];

/** As JSON, so that names and paths can contain any character. */
const loraModule = (text: string): string => JSON.stringify(readLoraModule(text));

const answers = (options: Options): string[] => [
  ...said('--chat-template', options.chat_template),
  ...(options.tool_call_parser === ''
    ? []
    : ['--enable-auto-tool-choice', `--tool-call-parser=${options.tool_call_parser}`]),
  ...said('--reasoning-parser', options.reasoning_parser),
];

const said = (flag: string, value: string): string[] => (value === '' || value === 'auto' ? [] : [`${flag}=${value}`]);

const environment = ({ variant, apiKey }: Launch, options: Options): Record<string, string> => ({
  VLLM_API_KEY: apiKey,
  // The model is on this machine: vLLM must not contact the hub or report usage.
  HF_HUB_OFFLINE: '1',
  TRANSFORMERS_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
  // For the log: no colours, and no buffering.
  NO_COLOR: '1',
  PYTHONUNBUFFERED: '1',
  ...(options.sleep_mode ? { VLLM_SERVER_DEV_MODE: '1' } : {}),
  ...(variant === 'cpu'
    ? {
        VLLM_CPU_KVCACHE_SPACE: String(options.cpu_kv_cache_gib),
        ...(options.cpu_threads === 'auto' ? {} : { VLLM_CPU_OMP_THREADS_BIND: options.cpu_threads }),
      }
    : {}),
});
