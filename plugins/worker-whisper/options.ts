/** The options of the type. Each applies to both engines unless its description names one. */
import type { OptionsSchema } from '@rbee/contract';
import { type Dtype, dtypes } from './dtypes.ts';

export const options = {
  type: 'object',
  properties: {
    engine: {
      type: 'string',
      enum: ['auto', 'onnx', 'whisper-server'],
      default: 'auto',
      description:
        "Program that runs the model: onnx for ONNX folders, whisper.cpp's whisper-server for ggml files; auto follows the model",
    },
    dtype: {
      type: 'string',
      enum: ['auto', ...dtypes],
      default: 'auto',
      description: 'Number format of the networks (onnx); auto means the most exact one in the folder',
    },
    language: {
      type: 'string',
      pattern: '^(auto|[A-Za-z][A-Za-z -]{1,20})$',
      default: 'auto',
      description: 'Default language, as a code or an English name; auto detects it',
    },
    chunk_seconds: {
      type: 'integer',
      minimum: 5,
      maximum: 600,
      default: 30,
      description: 'Seconds of sound per window; at most 30 with onnx',
    },
    slots: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      default: 1,
      description: 'Requests that run at the same time (onnx: each with its own model in memory)',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      default: 16,
      description: 'Requests that can wait for a slot; more are refused with 429',
    },
    max_upload_mb: {
      type: 'integer',
      minimum: 1,
      maximum: 16_384,
      default: 1024,
      description: 'Maximum size of an audio file in MiB, whatever its length',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads; 0 lets the engine choose',
    },
    temperature_fallback: {
      type: 'boolean',
      default: true,
      description: 'Retry with a higher temperature if the model repeats itself or is unsure; slower on bad recordings',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Additional arguments for whisper-server; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options that `command` and `estimate` receive: validated, with defaults filled in. */
export interface Options {
  engine: 'auto' | 'onnx' | 'whisper-server';
  dtype: 'auto' | Dtype;
  language: string;
  chunk_seconds: number;
  slots: number;
  queue_limit: number;
  max_upload_mb: number;
  threads: number;
  temperature_fallback: boolean;
  extra_args: readonly string[];
}

const defaults = Object.fromEntries(
  Object.entries(options.properties).map(([name, property]) => [name, property.default]),
);

/** Fills in defaults, for callers that pass only some options. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
