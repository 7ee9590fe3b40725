/** The options of the type. Each applies to both engines unless its description names one. */
import type { OptionsSchema } from '@rbee/contract';

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'sd-server', 'builtin'],
      default: 'auto',
      description:
        "Program that draws: the builtin engine for ONNX folders, stable-diffusion.cpp's sd-server for files; auto follows the model",
    },
    size: {
      type: 'integer',
      minimum: 0,
      maximum: 8192,
      default: 0,
      description: "Default edge of images in pixels; 0 means the model's own size",
    },
    steps: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: "Default number of steps; 0 means the model's own",
    },
    guidance: {
      type: 'number',
      minimum: -1,
      maximum: 100,
      default: -1,
      description: "Default guidance; -1 means the model's own",
    },
    max_size: {
      type: 'integer',
      minimum: 64,
      maximum: 8192,
      default: 2048,
      description: 'Maximum edge in pixels per request',
    },
    max_images: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 10,
      description: 'Maximum images per request',
    },
    max_steps: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 150,
      description: 'Maximum steps per request',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 16,
      description: 'Requests that can wait; more are refused with 429',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads; 0 means one per core',
    },
    weight_type: {
      type: 'string',
      enum: ['auto', 'f32', 'f16', 'bf16', 'q8_0', 'q6_K', 'q5_K', 'q5_0', 'q4_K', 'q4_0', 'q3_K', 'q2_K'],
      default: 'auto',
      description: 'Number format to convert weights to while loading (sd-server); auto does not convert',
    },
    flash_attention: {
      type: 'boolean',
      default: false,
      description: 'Flash attention in the diffusion model: less memory (sd-server)',
    },
    offload: {
      type: 'boolean',
      default: false,
      description: 'Keep weights in main memory until the device needs them: slower, less device memory (sd-server)',
    },
    vae_tiling: {
      type: 'boolean',
      default: false,
      description: 'Decode images in tiles: less memory for large ones (sd-server)',
    },
    eager_load: {
      type: 'boolean',
      default: true,
      description: 'Load all weights at start, so that a lack of memory shows at once (sd-server)',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Additional arguments for sd-server; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options that `command` and `estimate` receive: validated, with defaults filled in. */
export interface Options {
  engine: 'auto' | 'sd-server' | 'builtin';
  size: number;
  steps: number;
  guidance: number;
  max_size: number;
  max_images: number;
  max_steps: number;
  queue_limit: number;
  threads: number;
  weight_type: string;
  flash_attention: boolean;
  offload: boolean;
  vae_tiling: boolean;
  eager_load: boolean;
  extra_args: readonly string[];
}

const defaults = Object.fromEntries(
  Object.entries(options.properties).map(([name, property]) => [name, property.default]),
);

/** Fills in defaults, for callers that pass only some options. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
