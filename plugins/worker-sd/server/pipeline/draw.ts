/** Draws one image step by step, from noise, or from an image and noise. */
import { type Picture, type PictureOrder, stepsOf } from '../../images/painter.ts';
import type { Pipeline } from './load.ts';
import { Noise } from './noise.ts';
import { createSampler, type Sample, type SamplerName } from './samplers.ts';
import type { Numbers } from './session.ts';
import { type Conditioning, encodePrompts } from './text.ts';
import { decodeLatent, encodePicture, latentChannels, latentPixel } from './vae.ts';

export interface DrawHooks {
  /** Called and awaited after each step; throw to stop drawing. `preview` decodes the expected result. */
  onStep(step: number, preview: () => Promise<Picture>): Promise<void>;
  /** Writes a line to the log. */
  note(text: string): void;
}

export const drawPicture = async (pipeline: Pipeline, order: PictureOrder, hooks: DrawHooks): Promise<Picture> => {
  const { width, height } = order;
  const isGuided = order.guidance > 1;
  const prompts = isGuided ? [order.negative, order.prompt] : [order.prompt];
  const conditioning = await encodePrompts(pipeline, prompts);
  if (conditioning.cutOff) hooks.note('the prompt is longer than the model reads: its end was cut off');
  const sampler = createSampler(
    (order.sampler as SamplerName | undefined) ?? pipeline.sampler,
    pipeline.schedule,
    order.steps,
  );
  const length = (latentChannels * width * height) / latentPixel ** 2;
  const noise = new Noise(order.seed);
  const begin = noise.next(length);
  const start = await startOf(pipeline, order);
  let sample = start.latent === undefined ? sampler.begin(begin) : sampler.addNoise(start.latent, begin, start.step);
  for (let step = start.step; step < order.steps; step++) {
    const timestep = sampler.timesteps[step] ?? 0;
    const answer = await askUnet(pipeline, { order, conditioning, sample: sampler.scale(sample, step), timestep });
    sample = sampler.step(sample, answer, step, () => noise.next(length));
    if (start.latent !== undefined && start.mask !== undefined) {
      sample = keepOutside(sample, sampler.addNoise(start.latent, begin, step + 1), start.mask);
    }
    const now = sample;
    await hooks.onStep(step - start.step + 1, () => decodeLatent(pipeline, now, width, height));
  }
  return decodeLatent(pipeline, sample, width, height);
};

interface Start {
  /** The first step to run. */
  step: number;
  latent?: Sample;
  /** For each number of the latent: 1 if it can change, otherwise 0. */
  mask?: Sample;
}

/** With strength 0.5, an image gets the noise of the middle step. */
const startOf = async (pipeline: Pipeline, order: PictureOrder): Promise<Start> => {
  const { from, steps, width, height } = order;
  if (from === undefined) return { step: 0 };
  const latent = await encodePicture(pipeline, from.picture);
  return {
    step: steps - stepsOf(order),
    latent,
    ...(from.mask === undefined ? {} : { mask: latentMask(from.mask, width, height) }),
  };
};

/** A latent pixel can change if any of its pixels can. */
const latentMask = (mask: Uint8Array, width: number, height: number): Sample => {
  const [columns, rows] = [width / latentPixel, height / latentPixel];
  const plane = new Float32Array(columns * rows);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((mask[y * width + x] ?? 0) > 127)
        plane[Math.floor(y / latentPixel) * columns + Math.floor(x / latentPixel)] = 1;
    }
  }
  const all = new Float32Array(plane.length * latentChannels);
  for (let channel = 0; channel < latentChannels; channel++) all.set(plane, channel * plane.length);
  return all;
};

const keepOutside = (drawn: Sample, original: Sample, mask: Sample): Sample =>
  drawn.map((value, index) => ((mask[index] ?? 0) > 0 ? value : (original[index] ?? 0)));

interface Question {
  order: PictureOrder;
  conditioning: Conditioning;
  sample: Sample;
  timestep: number;
}

const askUnet = async ({ unet }: Pipeline, { order, conditioning, sample, timestep }: Question): Promise<Sample> => {
  const count = conditioning.hidden.dims[0] ?? 1;
  const { width, height, guidance } = order;
  const dims = [count, latentChannels, height / latentPixel, width / latentPixel];
  const isScalar = unet.shapeOf('timestep').length === 0;
  const feeds: Record<string, Numbers> = {
    sample: { data: repeated(sample, count), dims },
    timestep: { data: Float32Array.of(timestep), dims: isScalar ? [] : [1] },
    encoder_hidden_states: conditioning.hidden,
  };
  if (conditioning.pooled !== undefined) {
    // For SDXL: original size in training, crop position, and target size.
    feeds['text_embeds'] = conditioning.pooled;
    feeds['time_ids'] = {
      data: repeated(Float32Array.of(height, width, 0, 0, height, width), count),
      dims: [count, 6],
    };
  }
  const answers = await unet.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => unet.inputs.includes(name))),
  );
  const answer = answers[unet.outputs[0] ?? '']?.data;
  if (answer === undefined) throw new Error('the UNet has no output');
  if (count === 1) return answer;
  const without = answer.subarray(0, sample.length);
  const withPrompt = answer.subarray(sample.length);
  return without.map((value, index) => value + guidance * ((withPrompt[index] ?? 0) - value));
};

const repeated = (values: Float32Array, count: number): Float32Array => {
  const all = new Float32Array(values.length * count);
  for (let row = 0; row < count; row++) all.set(values, row * values.length);
  return all;
};
