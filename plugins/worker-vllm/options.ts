/** The options of the type. A default leaves the choice to vLLM wherever vLLM has one of its own. */
import type { OptionsSchema } from '@rbee/contract';

/** The vLLM that is installed where the machine has none. */
export const pinnedVersion = '0.29.0';

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'system', 'venv'],
      default: 'auto',
      description:
        'The vllm of the machine (system), one in an environment of its own (venv), or the first that is installed',
    },
    vllm_version: {
      type: 'string',
      pattern: '^\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}([a-z]{1,4}\\d{1,3})?(\\.post\\d{1,3})?$',
      default: pinnedVersion,
      description: 'Version of vLLM that is installed into an environment of its own',
    },
    python: {
      type: 'string',
      pattern: '^python3\\.1[0-9]$',
      default: 'python3.12',
      description: 'Python of that environment; wheels for ROCm exist for python3.12 only, whatever stands here',
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
      description: 'Share of the memory of each GPU that vLLM takes for itself, for weights and cache together',
    },
    kv_cache_memory: {
      type: 'integer',
      minimum: 0,
      maximum: 1_099_511_627_776,
      default: 0,
      description: 'Bytes of cache on each GPU, in place of what gpu_memory_utilization leaves; 0 means by that share',
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
      description: 'Cores for computing: auto, nobind, or a list such as 0-15 (cpu variant)',
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
      description: 'GiB of main memory for weights that do not fit on each GPU; slow, but it runs',
    },
    dtype: {
      type: 'string',
      enum: ['auto', 'half', 'bfloat16', 'float'],
      default: 'auto',
      description: "Number format of weights and computing; auto is the model's own",
    },
    quantization: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_-]{0,40})?$',
      default: '',
      description: "Method of a quantized model (awq, gptq, fp8, ...); empty means as the model's files say",
    },
    tensor_parallel: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'GPUs that share each layer; 0 means all of the placement, divided by pipeline_parallel',
    },
    pipeline_parallel: {
      type: 'integer',
      minimum: 1,
      maximum: 1024,
      default: 1,
      description: 'Groups of GPUs that take the layers in turn',
    },
    max_num_seqs: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 0,
      description: 'Requests that are computed at the same time; 0 leaves that to vLLM',
    },
    max_num_batched_tokens: {
      type: 'integer',
      minimum: 0,
      maximum: 16_777_216,
      default: 0,
      description: 'Tokens that are computed in one step; 0 leaves that to vLLM',
    },
    enforce_eager: {
      type: 'boolean',
      default: false,
      description: 'Start sooner and take less memory, without compiling and without CUDA graphs; answers come slower',
    },
    prefix_caching: {
      type: 'boolean',
      default: true,
      description: 'Keep what prompts have in common, so that it is computed once',
    },
    runner: {
      type: 'string',
      enum: ['auto', 'generate', 'pooling'],
      default: 'auto',
      description:
        'What the model is for: generate (chat, completion), pooling (embeddings, ranking); auto goes by the model',
    },
    convert: {
      type: 'string',
      enum: ['auto', 'none', 'embed', 'classify'],
      default: 'auto',
      description: 'Turn a chat model into one for embeddings or ranking, with runner=pooling',
    },
    lora_modules: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'LoRA adapters as name=/absolute/path on the hive, for requests that name one as their model',
    },
    max_lora_rank: {
      type: 'integer',
      enum: [0, 8, 16, 32, 64, 128, 256, 320, 512],
      default: 0,
      description: 'Highest rank of the LoRA adapters; 0 leaves that to vLLM, which takes 16',
    },
    chat_template: {
      type: 'string',
      default: '',
      description: "Jinja template for chats, or the path of one on the hive, in place of the model's own",
    },
    tool_call_parser: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_.-]{0,60})?$',
      default: '',
      description: 'Read tool calls from answers in this format (hermes, llama3_json, ...); empty means no tool calls',
    },
    reasoning_parser: {
      type: 'string',
      pattern: '^([a-z][a-z0-9_.-]{0,60})?$',
      default: '',
      description: 'Tell thoughts from answers in this format (deepseek_r1, qwen3, ...); empty means not to',
    },
    trust_remote_code: {
      type: 'boolean',
      default: false,
      description: "Run Python code that comes with the model, as the hive's user",
    },
    sleep_mode: {
      type: 'boolean',
      default: false,
      description:
        "Let the worker give back its GPU memory and take it again; opens vLLM's development paths on loopback",
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'More arguments for vllm serve, as they are; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options as `command` and `estimate` get them: defaults filled in, valid by the schema. */
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

/** Options with what is missing filled in, for callers that give only some. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
