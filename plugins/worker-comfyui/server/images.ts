/** `POST /v1/images/generations`: runs the workflow once for each image. */
import { ApiError, invalidRequest, type RequestContext, type Route } from '@rbee/worker-server';
import type { Arguments } from './arguments.ts';
import type { Comfy } from './comfy.ts';
import { draw } from './draw.ts';
import { type Filling, fill, type Workflow } from './workflow.ts';

type Defaults = Pick<Arguments, 'size' | 'steps' | 'guidance' | 'maxImages'>;

interface ImageBody {
  prompt: string;
  n?: number | null;
  size?: string | null;
  response_format?: 'b64_json' | 'url' | null;
  output_format?: string | null;
  background?: string | null;
  stream?: boolean | null;
  negative_prompt?: string | null;
  seed?: number | null;
  steps?: number | null;
  num_inference_steps?: number | null;
  guidance?: number | null;
  guidance_scale?: number | null;
  cfg_scale?: number | null;
}

const orNull = (type: string, more: object = {}) => ({ ...more, type: [type, 'null'] });
const steps = orNull('integer', { minimum: 1, maximum: 1000 });
const guidance = orNull('number', { minimum: 0, maximum: 100 });

const schema = (maxImages: number) => ({
  type: 'object',
  required: ['prompt'],
  properties: {
    model: orNull('string'),
    prompt: { type: 'string', maxLength: 32_000 },
    n: orNull('integer', { minimum: 1, maximum: maxImages }),
    size: orNull('string'),
    response_format: { type: ['string', 'null'], enum: ['b64_json', 'url', null] },
    output_format: orNull('string'),
    background: orNull('string'),
    stream: orNull('boolean'),
    negative_prompt: orNull('string', { maxLength: 32_000 }),
    seed: orNull('integer', { minimum: -1, maximum: Number.MAX_SAFE_INTEGER }),
    // The same fields, with the names that other programs use.
    steps,
    num_inference_steps: steps,
    guidance,
    guidance_scale: guidance,
    cfg_scale: guidance,
  },
});

export const imageRoute = (defaults: Defaults, workflow: Workflow): Route<Comfy> => ({
  path: '/v1/images/generations',
  schema: schema(defaults.maxImages),
  handler: async ({ body }, context) => {
    const request = body as ImageBody;
    const first = await fillingOf(request, defaults, workflow, context);
    const images = makeImages(request.n ?? 1, first, workflow, context);
    return request.stream ? streamed(images, first, context) : whole(images, first, request.response_format === 'url');
  },
});

interface Step {
  index: number;
  seed: number;
  /** A finished image, or the progress of the current one. */
  image?: Buffer;
  step?: number;
  steps?: number;
}

/** Yields steps and images as they come. Images have consecutive seeds. */
async function* makeImages(
  count: number,
  first: Filling,
  workflow: Workflow,
  context: RequestContext<Comfy>,
): AsyncGenerator<Step> {
  const { loaded, signal } = context;
  for (let index = 0; index < count; index += 1) {
    const seed = (first.seed + index) % (Number.MAX_SAFE_INTEGER + 1);
    const waiting: Step[] = [];
    let wake = () => {};
    const onStep = (step: number, steps: number) => {
      waiting.push({ index, seed, step, steps });
      wake();
    };
    let images: Buffer[] | undefined;
    const { url, extraData } = loaded;
    const drawing = draw({ url, graph: fill(workflow, { ...first, seed }), extraData, signal, onStep }).then(
      (drawn) => {
        images = drawn;
      },
    );
    // A client that stops reading early leaves this promise without a handler.
    drawing.catch(() => {});
    while (images === undefined || waiting.length > 0) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else await Promise.race([drawing, new Promise<void>((resolve) => (wake = resolve))]);
    }
    if (images.length === 0)
      throw new ApiError(500, 'server_error', 'the workflow returned no image', { code: 'no_image' });
    for (const image of images) yield { index, seed, image };
  }
}

const whole = async (steps: AsyncIterable<Step>, { width, height }: Filling, asUrl: boolean) => {
  const data: object[] = [];
  for await (const { image, seed } of steps) {
    if (image === undefined) continue;
    const b64_json = image.toString('base64');
    data.push(asUrl ? { url: `data:${typeOf(image)};base64,${b64_json}`, seed } : { b64_json, seed });
  }
  return { created: seconds(), background: 'opaque', output_format: 'png', size: `${width}x${height}`, data };
};

const streamed = async (steps: AsyncIterable<Step>, { width, height }: Filling, context: RequestContext<Comfy>) => {
  const stream = context.stream();
  const send = async (kind: string, fields: object) => {
    const type = `image_generation.${kind}`;
    await stream.send({ type, ...fields }, type);
  };
  for await (const { index, seed, image, step, steps: all } of steps) {
    if (image === undefined) await send('progress', { step, steps: all, image: index });
    else {
      const about = { created_at: seconds(), background: 'opaque', output_format: 'png', size: `${width}x${height}` };
      await send('completed', { b64_json: image.toString('base64'), ...about, seed, image: index });
    }
  }
};

const fillingOf = async (
  body: ImageBody,
  defaults: Defaults,
  { places }: Workflow,
  context: RequestContext<Comfy>,
): Promise<Filling> => {
  const prompt = body.prompt.trim();
  if (prompt === '') throw invalidRequest('prompt is empty: say what to draw', 'prompt');
  if (body.background === 'transparent') throw invalidRequest('the background is opaque here', 'background');
  if (!['png', null, undefined].includes(body.output_format)) {
    throw invalidRequest(`images are png here, not ${body.output_format}`, 'output_format');
  }
  const wanted = body.seed == null || body.seed < 0 ? Math.floor(Math.random() * 2 ** 31) : body.seed;
  return {
    prompt,
    negative_prompt: body.negative_prompt ?? '',
    ...readSize(body.size == null || body.size === 'auto' ? defaults.size : body.size),
    seed: wanted,
    steps: body.steps ?? body.num_inference_steps ?? defaults.steps,
    guidance: body.guidance ?? body.guidance_scale ?? body.cfg_scale ?? defaults.guidance,
    checkpoint: places.has('checkpoint') ? await checkpointOf(context) : '',
  };
};

const checkpointOf = async ({ loaded, signal }: RequestContext<Comfy>): Promise<string> => {
  const checkpoint = await loaded.checkpoint(signal);
  if (checkpoint !== undefined) return checkpoint;
  const hint = 'put one into models/checkpoints of ComfyUI, or spawn the worker with --model file:/path.safetensors';
  throw new ApiError(503, 'server_error', `ComfyUI has no checkpoint to draw with: ${hint}`, { code: 'no_checkpoint' });
};

const readSize = (size: string): { width: number; height: number } => {
  const [, width = 0, height = 0] = /^(\d{1,5})x(\d{1,5})$/.exec(size)?.map(Number) ?? [];
  const fits = (edge: number) => edge >= 16 && edge <= 16_384 && edge % 8 === 0;
  if (fits(width) && fits(height)) return { width, height };
  const problem = 'must be WIDTHxHEIGHT, such as 1024x1024, each from 16 to 16384 and a multiple of 8';
  throw invalidRequest(`size ${problem}, not ${size.slice(0, 40)}`, 'size');
};

/** By its first bytes: a workflow may save other files than PNG. */
const typeOf = (image: Buffer): string => {
  if (image[0] === 0xff && image[1] === 0xd8) return 'image/jpeg';
  return image.toString('latin1', 8, 12) === 'WEBP' ? 'image/webp' : 'image/png';
};

const seconds = () => Math.floor(Date.now() / 1000);
