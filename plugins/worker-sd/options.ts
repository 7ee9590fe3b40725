/** The options of the type. Each holds for both engines unless its description names one. */
import type { OptionsSchema } from '@rbee/contract';

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'sd-server', 'builtin'],
      default: 'auto',
      description:
        "Program that draws: the builtin one for ONNX folders, stable-diffusion.cpp's sd-server for files; auto goes by the model",
    },
    size: {
      type: 'integer',
      minimum: 0,
      maximum: 8192,
      default: 0,
      description: 'Edge in pixels of images for which no size is asked; 0 means what the model was trained for',
    },
    steps: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'Steps of images for which none are asked; 0 means what suits the model',
    },
    guidance: {
      type: 'number',
      minimum: -1,
      maximum: 100,
      default: -1,
      description: 'Guidance of images for which none is asked; -1 means what suits the model',
    },
    max_size: {
      type: 'integer',
      minimum: 64,
      maximum: 8192,
      default: 2048,
      description: 'Longest edge in pixels that a request may ask for',
    },
    max_images: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 10,
      description: 'Images that one request may ask for',
    },
    max_steps: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 150,
      description: 'Steps that a request may ask for',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 16,
      description: 'Requests that may wait for the one that is drawn before more are refused with 429',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads for computing; 0 means one for each core',
    },
    weight_type: {
      type: 'string',
      enum: ['auto', 'f32', 'f16', 'bf16', 'q8_0', 'q6_K', 'q5_K', 'q5_0', 'q4_K', 'q4_0', 'q3_K', 'q2_K'],
      default: 'auto',
      description:
        'Number format that the weights are converted to while they load (sd-server); auto leaves them as they are',
    },
    flash_attention: {
      type: 'boolean',
      default: false,
      description: 'Flash attention in the diffusion model: less memory (sd-server)',
    },
    offload: {
      type: 'boolean',
      default: false,
      description:
        'Keep weights in main memory while the device does not need them: slower, less device memory (sd-server)',
    },
    vae_tiling: {
      type: 'boolean',
      default: false,
      description: 'Decode images in tiles: less memory for large ones (sd-server)',
    },
    eager_load: {
      type: 'boolean',
      default: true,
      description: 'Load all weights before the first image, so that what does not fit shows at once (sd-server)',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'More arguments for sd-server, as they are; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options as `command` and `estimate` get them: defaults filled in, valid by the schema. */
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

/** Options with what is missing filled in, for callers that give only some. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
