/** The options of the type. Where vLLM has a default of its own, ours leaves the choice to vLLM. */
import type { OptionsSchema } from '@rbee/contract';

/** The version that is installed if the machine has no vLLM. */
export const pinnedVersion = '0.29.0';

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'system', 'venv'],
      default: 'auto',
      description:
        "The machine's vllm (system), one in its own environment (venv), or whichever is installed, system first (auto)",
    },
    vllm_version: {
      type: 'string',
      pattern: '^\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}([a-z]{1,4}\\d{1,3})?(\\.post\\d{1,3})?$',
      default: pinnedVersion,
      description: 'Version of vLLM to install into its own environment',
    },
    python: {
      type: 'string',
      pattern: '^python3\\.1[0-9]$',
      default: 'python3.12',
      description: 'Python of that environment; ROCm always uses python3.12, the only one with wheels',
    },
    max_model_len: {
      type: 'integer',
      minimum: 0,
      maximum: 16_777_216,
      default: 0,
      description: 'Tokens of prompt and answer together; 0 means as many as the model was trained for',
    },
    gpu_memory_utilization: {
      type: 'number',
      minimum: 0.01,
      maximum: 1,
      default: 0.9,
      description: "Share of each GPU's memory that vLLM takes, for weights and cache together",
    },
    kv_cache_memory: {
      type: 'integer',
      minimum: 0,
      maximum: 1_099_511_627_776,
      default: 0,
      description: 'Bytes of cache on each GPU; 0 means what gpu_memory_utilization leaves',
    },
    cpu_kv_cache_gib: {
      type: 'integer',
      minimum: 1,
      maximum: 4096,
      default: 4,
      description: 'GiB of cache in main memory (cpu variant)',
    },
    cpu_threads: {
      type: 'string',
      pattern: '^(auto|nobind|[0-9]+([-,|][0-9]+){0,200})$',
      default: 'auto',
      description: 'CPU cores to use: auto, nobind, or a list such as 0-15 (cpu variant)',
    },
    kv_cache_dtype: {
      type: 'string',
      enum: ['auto', 'fp8', 'fp8_e4m3', 'fp8_e5m2', 'bfloat16'],
      default: 'auto',
      description: 'Number format of the cache; fp8 halves its memory',
    },
    cpu_offload_gib: {
      type: 'number',
      minimum: 0,
      maximum: 4096,
      default: 0,
      description: 'GiB of main memory per GPU for weights that do not fit; slow',
    },
    dtype: {
      type: 'string',
      enum: ['auto', 'half', 'bfloat16', 'float'],
      default: 'auto',
      description: "Number format of weights and activations; auto means the model's own",
    },
    quantization: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_-]{0,40})?$',
      default: '',
      description: "Quantization method (awq, gptq, fp8, ...); empty means the one in the model's files",
    },
    tensor_parallel: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'GPUs that share each layer; 0 means all devices of the worker, divided by pipeline_parallel',
    },
    pipeline_parallel: {
      type: 'integer',
      minimum: 1,
      maximum: 1024,
      default: 1,
      description: 'Groups of GPUs that each compute a part of the layers',
    },
    max_num_seqs: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 0,
      description: 'Requests that are computed at the same time; 0 lets vLLM choose',
    },
    max_num_batched_tokens: {
      type: 'integer',
      minimum: 0,
      maximum: 16_777_216,
      default: 0,
      description: 'Tokens that are computed in one step; 0 lets vLLM choose',
    },
    enforce_eager: {
      type: 'boolean',
      default: false,
      description: 'Start sooner and use less memory, without compilation and CUDA graphs; answers are slower',
    },
    prefix_caching: {
      type: 'boolean',
      default: true,
      description: 'Cache common prefixes of prompts, so that they are computed once',
    },
    runner: {
      type: 'string',
      enum: ['auto', 'generate', 'pooling'],
      default: 'auto',
      description:
        'Purpose of the model: generate (chat, completion) or pooling (embeddings, ranking); auto follows the model',
    },
    convert: {
      type: 'string',
      enum: ['auto', 'none', 'embed', 'classify'],
      default: 'auto',
      description: 'Use a chat model for embeddings or ranking, with runner=pooling',
    },
    lora_modules: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'LoRA adapters as name=/absolute/path on the hive; requests select one by its name as their model',
    },
    max_lora_rank: {
      type: 'integer',
      enum: [0, 8, 16, 32, 64, 128, 256, 320, 512],
      default: 0,
      description: "Maximum rank of LoRA adapters; 0 means vLLM's default, 16",
    },
    chat_template: {
      type: 'string',
      default: '',
      description: "Jinja template for chats, or its path on the hive, instead of the model's own",
    },
    tool_call_parser: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_.-]{0,60})?$',
      default: '',
      description: 'Parse tool calls in this format (hermes, llama3_json, ...); empty means no tool calls',
    },
    reasoning_parser: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_.-]{0,60})?$',
      default: '',
      description: 'Separate reasoning from answers in this format (deepseek_r1, qwen3, ...); empty means off',
    },
    trust_remote_code: {
      type: 'boolean',
      default: false,
      description: "Run the model's Python code, as the hive's user",
    },
    sleep_mode: {
      type: 'boolean',
      default: false,
      description:
        "Allow the worker to free its GPU memory and take it back; opens vLLM's development paths on loopback",
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Additional arguments for vllm serve; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options that `command` and `estimate` receive: validated, with defaults filled in. */
export interface Options {
  engine: 'auto' | 'system' | 'venv';
  vllm_version: string;
  python: string;
  max_model_len: number;
  gpu_memory_utilization: number;
  kv_cache_memory: number;
  cpu_kv_cache_gib: number;
  cpu_threads: string;
  kv_cache_dtype: string;
  cpu_offload_gib: number;
  dtype: string;
  quantization: string;
  tensor_parallel: number;
  pipeline_parallel: number;
  max_num_seqs: number;
  max_num_batched_tokens: number;
  enforce_eager: boolean;
  prefix_caching: boolean;
  runner: string;
  convert: string;
  lora_modules: readonly string[];
  max_lora_rank: number;
  chat_template: string;
  tool_call_parser: string;
  reasoning_parser: string;
  trust_remote_code: boolean;
  sleep_mode: boolean;
  extra_args: readonly string[];
}

const defaults = Object.fromEntries(
  Object.entries(options.properties).map(([name, property]) => [name, property.default]),
);

/** Fills in defaults, for callers that pass only some options. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
