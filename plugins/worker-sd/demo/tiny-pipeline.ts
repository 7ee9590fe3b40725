/**
 * A Stable Diffusion pipeline in diffusers' folder layout, with constructed weights instead of trained ones: it paints clouds
 * in the colours that the prompt names. To every program that loads it, it is an ordinary pipeline.
 */
import {
  betaEnd,
  betaStart,
  decoder,
  encoder,
  scalingFactor,
  textEncoder,
  trainSteps,
  unet,
  width,
} from './tiny-networks.ts';
import { type TinyTokenizer, tinyTokenizer } from './tiny-tokenizer.ts';

/** Default edge of an image in latent pixels, which are eight image pixels wide. */
const sampleSize = 32;

export interface TinyPipelineOptions {
  /** Prediction type of the UNet; defaults to `epsilon`. */
  prediction?: 'epsilon' | 'v_prediction';
  /** Overrides for the scheduler's configuration. */
  scheduler?: Readonly<Record<string, unknown>>;
  /** Whether inputs and outputs are 16-bit. */
  half?: boolean;
  /** Two text encoders, and everything else that SDXL has. */
  xl?: boolean;
}

/** Contents of each file by its path in the folder; about 100 kB together. */
export const tinyPipeline = (options: TinyPipelineOptions = {}): Map<string, Buffer> => {
  const { prediction = 'epsilon', half = false, xl = false } = options;
  const tokenizer = tinyTokenizer();
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ['model_index.json', json(xl ? xlIndex : modelIndex)],
    [
      'scheduler/scheduler_config.json',
      json({ ...schedulerConfig, prediction_type: prediction, ...options.scheduler }),
    ],
    ...tokenizerFiles('tokenizer', tokenizer),
    ['text_encoder/model.onnx', textEncoder(tokenizer.vocabulary, { half, layers: xl })],
    ...(xl ? tokenizerFiles('tokenizer_2', tokenizer) : []),
    ...(xl
      ? [
          [
            'text_encoder_2/model.onnx',
            textEncoder(tokenizer.vocabulary, { half, layers: true, pooled: true }),
          ] as const,
        ]
      : []),
    [
      'unet/config.json',
      json({ in_channels: 4, out_channels: 4, sample_size: sampleSize, cross_attention_dim: xl ? 2 * width : width }),
    ],
    ['unet/model.onnx', unet({ prediction, half, xl })],
    ['vae_decoder/config.json', json({ latent_channels: 4, scaling_factor: scalingFactor })],
    ['vae_decoder/model.onnx', decoder({ half })],
    ['vae_encoder/config.json', json({ latent_channels: 4, scaling_factor: scalingFactor })],
    ['vae_encoder/model.onnx', encoder({ half })],
  ]);
};

const tokenizerFiles = (folder: string, { files }: TinyTokenizer) =>
  Object.entries(files).map(([name, text]) => [`${folder}/${name}`, Buffer.from(text)] as const);

const modelIndex = {
  _class_name: 'OnnxStableDiffusionPipeline',
  scheduler: ['diffusers', 'DDIMScheduler'],
  text_encoder: ['diffusers', 'OnnxRuntimeModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'OnnxRuntimeModel'],
  vae_decoder: ['diffusers', 'OnnxRuntimeModel'],
  vae_encoder: ['diffusers', 'OnnxRuntimeModel'],
};

const xlIndex = {
  ...modelIndex,
  _class_name: 'ORTStableDiffusionXLPipeline',
  force_zeros_for_empty_prompt: true,
  text_encoder_2: ['diffusers', 'OnnxRuntimeModel'],
  tokenizer_2: ['transformers', 'CLIPTokenizer'],
};

const schedulerConfig = {
  _class_name: 'DDIMScheduler',
  num_train_timesteps: trainSteps,
  beta_start: betaStart,
  beta_end: betaEnd,
  beta_schedule: 'scaled_linear',
  clip_sample: false,
  set_alpha_to_one: false,
  steps_offset: 1,
  timestep_spacing: 'leading',
};
