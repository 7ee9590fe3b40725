/** JSON Schemas of the requests. Unknown fields are accepted and ignored. */

const orNull = (schema: { type: string } & Record<string, unknown>) => ({ ...schema, type: [schema.type, 'null'] });
const number = (minimum: number, maximum: number) => orNull({ type: 'number', minimum, maximum });
const integer = (minimum: number, maximum: number) => orNull({ type: 'integer', minimum, maximum });
const text = orNull({ type: 'string' });
const choice = (...choices: string[]) => ({ type: ['string', 'null'], enum: [...choices, null] });

/** A negative seed means a random one. */
const seed = integer(-1, Number.MAX_SAFE_INTEGER);
const steps = integer(1, 1000);
const guidance = number(0, 100);

export interface Bounds {
  /** Images per request. */
  images: number;
  /** Edge in pixels. */
  size: number;
  steps: number;
}

const common = ({ images }: Bounds) => ({
  model: text,
  prompt: { type: 'string', maxLength: 32_000 },
  n: integer(1, images),
  size: text,
  response_format: choice('b64_json', 'url'),
  output_format: choice('png', 'jpeg', 'webp'),
  output_compression: integer(0, 100),
  background: choice('auto', 'opaque', 'transparent'),
  stream: orNull({ type: 'boolean' }),
  partial_images: integer(0, 3),
  negative_prompt: orNull({ type: 'string', maxLength: 32_000 }),
  seed,
  // The same fields, with the names that other programs use.
  steps,
  num_inference_steps: steps,
  guidance,
  guidance_scale: guidance,
  cfg_scale: guidance,
  sampler: text,
  sampler_name: text,
});

export const generationSchema = (bounds: Bounds) => ({
  type: 'object',
  required: ['prompt'],
  properties: common(bounds),
});

export const editSchema = (bounds: Bounds) => ({
  type: 'object',
  required: ['prompt'],
  properties: { ...common(bounds), strength: number(0, 1), denoising_strength: number(0, 1) },
});
