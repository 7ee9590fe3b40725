/** The options of the type. Each applies to both engines unless its description names one. */
import type { OptionsSchema } from '@rbee/contract';

const cacheTypes = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'];

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'llama-server', 'builtin'],
      default: 'auto',
      description:
        "Program that runs the model: llama.cpp's own llama-server or the builtin engine; auto prefers llama-server",
    },
    context: {
      type: 'integer',
      minimum: 64,
      maximum: 4_194_304,
      default: 4096,
      description: 'Tokens of prompt and answer per slot; at most what the model was trained for',
    },
    slots: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      default: 4,
      description: 'Requests that run at the same time, each with its own context',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 64,
      description: 'Requests that can wait for a slot; more are refused with 429 (builtin; llama-server has no limit)',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads; 0 means one per performance core',
    },
    gpu_layers: {
      type: 'string',
      pattern: '^(auto|all|[0-9]{1,4})$',
      default: 'auto',
      description:
        'Layers of the model on the GPU: auto (as many as fit), all, or a number; ignored on the CPU variant',
    },
    batch: {
      type: 'integer',
      minimum: 1,
      maximum: 65_536,
      default: 512,
      description: 'Prompt tokens that are computed at once; more is faster and takes more memory',
    },
    flash_attention: {
      type: 'string',
      enum: ['auto', 'on', 'off'],
      default: 'auto',
      description: 'Flash attention: less memory, usually faster; required for a quantized cache_type_v',
    },
    cache_type_k: {
      type: 'string',
      enum: cacheTypes,
      default: 'f16',
      description: 'Number format of the keys in the context; q8_0 halves their memory',
    },
    cache_type_v: {
      type: 'string',
      enum: cacheTypes,
      default: 'f16',
      description: 'Number format of the values in the context; q8_0 halves their memory',
    },
    embeddings: {
      type: 'boolean',
      default: false,
      description: 'Serve /v1/embeddings (llama-server; the builtin engine always serves it)',
    },
    rerank: {
      type: 'boolean',
      default: false,
      description: 'Serve /v1/rerank with a reranking model (llama-server)',
    },
    pooling: {
      type: 'string',
      enum: ['auto', 'mean', 'cls', 'last'],
      default: 'auto',
      description:
        "How token embeddings become one embedding (llama-server; the builtin engine uses the model's own method)",
    },
    chat_template: {
      type: 'string',
      default: '',
      description: "Jinja template for chats, or chatml, instead of the model's own",
    },
    mmap: {
      type: 'boolean',
      default: true,
      description: 'Map the model file into memory: it loads on demand, and workers share it',
    },
    mlock: {
      type: 'boolean',
      default: false,
      description: 'Lock the model in main memory, so that it is never swapped out',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Additional arguments for llama-server; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options that `command` and `estimate` receive: validated, with defaults filled in. */
export interface Options {
  engine: 'auto' | 'llama-server' | 'builtin';
  context: number;
  slots: number;
  queue_limit: number;
  threads: number;
  gpu_layers: string;
  batch: number;
  flash_attention: 'auto' | 'on' | 'off';
  cache_type_k: string;
  cache_type_v: string;
  embeddings: boolean;
  rerank: boolean;
  pooling: 'auto' | 'mean' | 'cls' | 'last';
  chat_template: string;
  mmap: boolean;
  mlock: boolean;
  extra_args: readonly string[];
}

const defaults = Object.fromEntries(
  Object.entries(options.properties).map(([name, property]) => [name, property.default]),
);

/** Fills in defaults, for callers that pass only some options. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
