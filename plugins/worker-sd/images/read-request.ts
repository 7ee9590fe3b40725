/** Turns the body of a request into what to draw and how to send it. */
import { invalidRequest } from '@rbee/worker-server';
import type { PainterFacts, PictureOrder } from './painter.ts';
import type { Bounds } from './schemas.ts';

/** A body that is valid by its schema. */
export interface ImageBody {
  prompt: string;
  n?: number | null;
  size?: string | null;
  response_format?: 'b64_json' | 'url' | null;
  output_format?: OutputFormat | null;
  output_compression?: number | null;
  background?: string | null;
  stream?: boolean | null;
  partial_images?: number | null;
  negative_prompt?: string | null;
  seed?: number | null;
  steps?: number | null;
  num_inference_steps?: number | null;
  guidance?: number | null;
  guidance_scale?: number | null;
  cfg_scale?: number | null;
  sampler?: string | null;
  sampler_name?: string | null;
  strength?: number | null;
  denoising_strength?: number | null;
}

export type OutputFormat = 'png' | 'jpeg' | 'webp';

export interface ImageRequest {
  /** The same for each image, except the seed, which counts up from this one. */
  order: Omit<PictureOrder, 'from' | 'width' | 'height'>;
  /** If absent, the model decides. */
  size: { width: number; height: number } | undefined;
  count: number;
  asUrl: boolean;
  format: OutputFormat;
  /** 0 to 100; ignored for PNG. */
  quality: number;
  stream: boolean;
  partialImages: number;
}

export const minSize = 64;
const sizeStep = 8;

/** Throws a 400 that names the wrong field. */
export const readRequest = (body: ImageBody, facts: PainterFacts, bounds: Bounds): ImageRequest => {
  const prompt = body.prompt.trim();
  if (prompt === '') throw invalidRequest('prompt is empty: say what to draw', 'prompt');
  if (body.background === 'transparent') {
    throw invalidRequest('this model cannot draw a transparent background', 'background');
  }
  const sampler = body.sampler ?? body.sampler_name ?? undefined;
  if (sampler !== undefined && !facts.samplers.includes(sampler)) {
    throw invalidRequest(`sampler must be one of ${facts.samplers.join(', ')}, not ${sampler}`, 'sampler');
  }
  const [stepsField, steps] = firstOf(body, ['steps', 'num_inference_steps']);
  if (steps !== undefined && steps > bounds.steps) {
    throw invalidRequest(`${stepsField} must be at most ${bounds.steps} here`, stepsField);
  }
  const [, guidance] = firstOf(body, ['guidance', 'guidance_scale', 'cfg_scale']);
  return {
    order: {
      prompt,
      negative: body.negative_prompt ?? '',
      steps: steps ?? facts.steps,
      guidance: guidance ?? facts.guidance,
      seed: body.seed == null || body.seed < 0 ? anySeed() : body.seed,
      ...(sampler === undefined ? {} : { sampler }),
    },
    size: readSize(body.size, bounds),
    count: body.n ?? 1,
    asUrl: body.response_format === 'url',
    format: body.output_format ?? 'png',
    quality: body.output_compression ?? 100,
    stream: body.stream ?? false,
    partialImages: body.partial_images ?? 0,
  };
};

/** How much of an edited image can change. */
export const readStrength = (body: ImageBody, hasMask: boolean): number =>
  firstOf(body, ['strength', 'denoising_strength'])[1] ?? (hasMask ? 1 : 0.75);

/** The first non-empty one of several fields with the same meaning. */
const firstOf = <Name extends keyof ImageBody>(body: ImageBody, names: readonly Name[]): [Name, number | undefined] => {
  const name = names.find((one) => body[one] != null) ?? names[0]!;
  return [name, (body[name] as number | null | undefined) ?? undefined];
};

const readSize = (size: string | null | undefined, bounds: Bounds): ImageRequest['size'] => {
  if (size == null || size === 'auto') return undefined;
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size)?.map(Number) ?? [];
  if (width === undefined || height === undefined) {
    throw invalidRequest(`size must be WIDTHxHEIGHT, such as 512x512, or auto, not ${size.slice(0, 40)}`, 'size');
  }
  for (const edge of [width, height]) {
    if (edge < minSize || edge > bounds.size) {
      throw invalidRequest(`size ${size}: each edge must be ${minSize} to ${bounds.size} pixels here`, 'size');
    }
    if (edge % sizeStep !== 0) {
      const [below, above] = [Math.floor(edge / sizeStep) * sizeStep, Math.ceil(edge / sizeStep) * sizeStep];
      throw invalidRequest(
        `size ${size}: each edge must be a multiple of ${sizeStep}; ${edge} is between ${below} and ${above}`,
        'size',
      );
    }
  }
  return { width, height };
};

/** Short enough to copy by hand. */
const anySeed = () => Math.floor(Math.random() * 2 ** 31);
