/** The components of models for sd-server, in addition to the main file, and the flag for each. */
import type { ModelSupport } from '@rbee/contract';

const formats = ['gguf', 'safetensors'] as const;

export const components = {
  vae: {
    required: false,
    formats,
    description: 'Decoder of the latents, if the main file has none or you want a better one',
  },
  clip_l: { required: false, formats, description: 'Text encoder CLIP-L, for models in parts' },
  clip_g: { required: false, formats, description: 'Text encoder CLIP-G, of SDXL and SD 3' },
  t5xxl: { required: false, formats, description: 'Text encoder T5-XXL, of SD 3 and Flux' },
  llm: {
    required: false,
    formats,
    description: 'Language model that encodes the text, for Qwen-Image, Flux 2 and others',
  },
  taesd: { required: false, formats, description: 'Tiny decoder: fast, with less detail' },
} as const satisfies NonNullable<ModelSupport['components']>;

/** With a separate text encoder, the main file is the diffusion model only. */
const textEncoders = ['clip_l', 'clip_g', 't5xxl', 'llm'];

/** sd-server's arguments for the files of a model. */
export const modelArguments = (models: Readonly<Record<string, string>>): string[] => {
  const main = models['main'];
  if (main === undefined) throw new Error('sd needs a model');
  const isAlone = textEncoders.some((name) => models[name] !== undefined);
  return [isAlone ? '--diffusion-model' : '--model', main, ...componentArguments(models)];
};

/** Arguments for the components other than the main file. */
export const componentArguments = (models: Readonly<Record<string, string>>): string[] =>
  Object.keys(components).flatMap((name) => {
    const path = models[name];
    return path === undefined ? [] : [`--${name}`, path];
  });
