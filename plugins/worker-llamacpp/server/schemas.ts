/** JSON Schemas of the requests. Unknown fields are accepted and ignored, except for those in `unsupported.ts`. */

const orNull = (schema: { type: string } & Record<string, unknown>) => ({ ...schema, type: [schema.type, 'null'] });
const number = (minimum: number, maximum: number) => orNull({ type: 'number', minimum, maximum });
const integer = (minimum: number, maximum: number) => orNull({ type: 'integer', minimum, maximum });
const boolean = orNull({ type: 'boolean' });
const tokens = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 };
const largest = 2 ** 31;

const common = {
  model: orNull({ type: 'string' }),
  stream: boolean,
  stream_options: orNull({ type: 'object', properties: { include_usage: boolean } }),
  // -1 asks for as many as fit, 0 is refused later.
  max_tokens: integer(-1, largest),
  n_predict: integer(-1, largest),
  temperature: number(0, 100),
  top_p: number(0, 1),
  // 0 and -1 ask for all.
  top_k: integer(-1, largest),
  min_p: number(0, 1),
  // -1 means a random seed.
  seed: integer(-1, 2 ** 53 - 1),
  repeat_penalty: number(0, 10),
  // -1 asks for the whole context.
  repeat_last_n: integer(-1, 65_536),
  frequency_penalty: number(-2, 2),
  presence_penalty: number(-2, 2),
  logit_bias: orNull({ type: 'object', additionalProperties: { type: 'number', minimum: -100, maximum: 100 } }),
  stop: {
    anyOf: [{ type: 'null' }, { type: 'string' }, { type: 'array', maxItems: 16, items: { type: 'string' } }],
  },
  response_format: orNull({
    type: 'object',
    required: ['type'],
    properties: {
      type: { type: 'string', enum: ['text', 'json_object', 'json_schema'] },
      json_schema: { type: 'object', required: ['schema'], properties: { schema: { type: 'object' } } },
      schema: { type: 'object' },
    },
  }),
  n: integer(1, largest),
};

export const chatSchema = {
  type: 'object',
  required: ['messages'],
  properties: {
    ...common,
    max_completion_tokens: integer(-1, largest),
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['role'],
        properties: {
          role: { type: 'string', enum: ['system', 'developer', 'user', 'assistant', 'tool'] },
          content: {
            anyOf: [
              { type: 'null' },
              { type: 'string' },
              {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['type'],
                  properties: { type: { type: 'string' }, text: { type: 'string' } },
                },
              },
            ],
          },
        },
      },
    },
    chat_template_kwargs: orNull({ type: 'object' }),
  },
};

export const completionSchema = {
  type: 'object',
  required: ['prompt'],
  properties: {
    ...common,
    prompt: {
      anyOf: [
        { type: 'string' },
        tokens,
        { type: 'array', minItems: 1, maxItems: 256, items: { anyOf: [{ type: 'string' }, tokens] } },
      ],
    },
  },
};

export const embeddingSchema = {
  type: 'object',
  required: ['input'],
  properties: {
    model: orNull({ type: 'string' }),
    input: {
      anyOf: [
        { type: 'string', minLength: 1 },
        tokens,
        {
          type: 'array',
          minItems: 1,
          maxItems: 2048,
          items: { anyOf: [{ type: 'string', minLength: 1 }, tokens] },
        },
      ],
    },
    encoding_format: { type: ['string', 'null'], enum: ['float', 'base64', null] },
    dimensions: integer(1, 65_536),
  },
};
