/** The options of the type. Each holds for both engines unless its description names one. */
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
        "Program that runs the model: llama.cpp's own llama-server, or the builtin one; auto prefers llama-server",
    },
    context: {
      type: 'integer',
      minimum: 64,
      maximum: 4_194_304,
      default: 4096,
      description: 'Tokens of prompt and answer that each slot holds; never more than the model was trained for',
    },
    slots: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      default: 4,
      description: 'Requests that run at the same time, each with a context of its own',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 64,
      description:
        'Requests that may wait for a slot before more are refused with 429 (builtin; llama-server has no limit)',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads for computing; 0 means one for each core that is good at it',
    },
    gpu_layers: {
      type: 'string',
      pattern: '^(auto|all|[0-9]{1,4})$',
      default: 'auto',
      description:
        'Layers of the model on the GPU: auto (as many as fit), all, or a number; nothing on the CPU variant',
    },
    batch: {
      type: 'integer',
      minimum: 1,
      maximum: 65_536,
      default: 512,
      description: 'Tokens of prompts that are computed at once; more is faster and takes more memory',
    },
    flash_attention: {
      type: 'string',
      enum: ['auto', 'on', 'off'],
      default: 'auto',
      description: 'Flash attention: less memory and mostly faster; needed for a quantized cache_type_v',
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
      description:
        'Serve /v1/embeddings (llama-server, which needs to know beforehand; the builtin engine always does)',
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
        "How one embedding is made from the tokens' (llama-server; the builtin engine takes the model's own way)",
    },
    chat_template: {
      type: 'string',
      default: '',
      description: "Jinja template for chats, or chatml, in place of the model's own",
    },
    mmap: {
      type: 'boolean',
      default: true,
      description: 'Map the model file into memory, so that it loads on demand and is shared between workers',
    },
    mlock: {
      type: 'boolean',
      default: false,
      description: 'Keep the model in main memory, never swapped out',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'More arguments for llama-server, as they are; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options as `command` and `estimate` get them: defaults filled in, valid by the schema. */
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

/** Options with what is missing filled in, for callers that give only some. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
