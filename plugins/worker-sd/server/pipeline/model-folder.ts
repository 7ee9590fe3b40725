/** Reads the folder of a model in diffusers' layout. Reports what is missing or not supported. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, StartError } from '@rbee/worker-server';
import type { SchedulerConfig } from './schedule.ts';

export interface TextPart {
  /** The encoder's ONNX file. */
  encoder: string;
  /** The folder of its tokenizer. */
  tokenizer: string;
}

export interface ModelFolder {
  path: string;
  /** One for Stable Diffusion 1 and 2, two for SDXL. */
  text: readonly TextPart[];
  unet: string;
  decoder: string;
  /** If absent, the model cannot edit images. */
  encoder: string | undefined;
  scheduler: SchedulerConfig;
  /** Default edge of an image in pixels. */
  size: number;
  /** Factor for latents between VAE and UNet. */
  scalingFactor: number;
  /** Whether the model draws in a few steps, without guidance. */
  isTurbo: boolean;
  /** Whether an absent negative prompt means zeros rather than an encoded empty text, as the model was trained. */
  emptyIsZero: boolean;
}

interface NetworkConfig {
  in_channels?: number;
  sample_size?: number;
  scaling_factor?: number;
  latent_channels?: number;
}

const latentPixel = 8;
const defaultScalingFactor = 0.18215;
const defaultSize = 64;

/** Throws a `StartError` that says what is wrong. */
export const readModelFolder = (path: string): ModelFolder => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new StartError(exitCodes.noModel, `there is no model folder ${path}`);
  if (!found.isDirectory()) throw unsupported(path, 'a file, which needs sd-server; the builtin engine loads folders');
  const index = readJson<Record<string, unknown>>(join(path, 'model_index.json'));
  if (index === undefined) {
    throw bad(`${path} has no model_index.json: it is not a pipeline in diffusers' layout`);
  }
  if ('transformer' in index || existsSync(join(path, 'transformer'))) {
    throw unsupported(path, `${index['_class_name'] ?? 'a pipeline with a transformer'}: use sd-server for it`);
  }
  const config = readJson<NetworkConfig>(join(path, 'unet/config.json')) ?? {};
  const channels = config.in_channels ?? 4;
  if (channels !== 4) throw unsupported(path, `a UNet of ${channels} channels, not a text-to-image model`);
  const vae = vaeConfig(path);
  const scheduler = readJson<SchedulerConfig>(join(path, 'scheduler/scheduler_config.json'));
  if (scheduler === undefined) throw bad(`${path} has no scheduler/scheduler_config.json`);
  return {
    path,
    text: textParts(path),
    unet: network(path, ['unet']),
    decoder: network(path, ['vae_decoder']),
    encoder: findNetwork(path, 'vae_encoder'),
    scheduler,
    size: (config.sample_size ?? defaultSize) * latentPixel,
    scalingFactor: vae.scaling_factor ?? defaultScalingFactor,
    isTurbo: isTurbo(path, scheduler),
    emptyIsZero: index['force_zeros_for_empty_prompt'] === true,
  };
};

/** Stability's turbo models are recognised by their scheduler, others by name. */
const isTurbo = (path: string, { _class_name = '', timestep_spacing, rescale_betas_zero_snr }: SchedulerConfig) =>
  (_class_name.startsWith('Euler') && timestep_spacing === 'trailing' && !rescale_betas_zero_snr) ||
  /turbo|lightning|hyper/i.test(path.split('/').at(-1) ?? '');

const textParts = (path: string): TextPart[] => {
  const first = { encoder: network(path, ['text_encoder']), tokenizer: folder(path, 'tokenizer') };
  const second = findNetwork(path, 'text_encoder_2');
  return second === undefined ? [first] : [first, { encoder: second, tokenizer: folder(path, 'tokenizer_2') }];
};

const folder = (path: string, name: string): string => {
  if (existsSync(join(path, name))) return join(path, name);
  throw bad(`${path} has no folder ${name}`);
};

const vaeConfig = (path: string): NetworkConfig =>
  readJson(join(path, 'vae_decoder/config.json')) ?? readJson(join(path, 'vae/config.json')) ?? {};

const network = (path: string, names: readonly string[]): string => {
  for (const name of names) {
    const found = findNetwork(path, name);
    if (found !== undefined) return found;
  }
  throw bad(`${path} has no ${names[0]}/model.onnx: it is incomplete, or not exported to ONNX`);
};

/** Its `model.onnx`, or else its only ONNX file. */
const findNetwork = (path: string, name: string): string | undefined => {
  const place = join(path, name);
  if (!existsSync(place)) return undefined;
  const files = readdirSync(place).filter((file) => file.endsWith('.onnx'));
  const chosen = files.includes('model.onnx') ? 'model.onnx' : files.sort()[0];
  return chosen === undefined ? undefined : join(place, chosen);
};

const readJson = <Value>(file: string): Value | undefined => {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Value;
  } catch (cause) {
    throw bad(`${file} is not JSON: ${(cause as Error).message}`, cause);
  }
};

const bad = (problem: string, cause?: unknown) => new StartError(exitCodes.badModel, problem, { cause });
const unsupported = (path: string, what: string) => bad(`the model ${path} is not supported: it is ${what}`);
