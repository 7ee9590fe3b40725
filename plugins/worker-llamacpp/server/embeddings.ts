/** POST /v1/embeddings. */
import { invalidRequest, type Route } from '@rbee/worker-server';
import type { Engine } from './engine.ts';
import { embeddingSchema } from './schemas.ts';
import { checkTokens } from './token-input.ts';

interface EmbeddingRequest {
  input: string | readonly number[] | readonly (string | readonly number[])[];
  encoding_format?: 'float' | 'base64' | null;
  dimensions?: number | null;
}

export const embeddingRoute: Route<Engine> = {
  path: '/v1/embeddings',
  schema: embeddingSchema,
  handler: async (request, { loaded: engine, model, signal, count }) => {
    const { input, encoding_format: format, dimensions } = request.body as EmbeddingRequest;
    if (dimensions != null && dimensions !== engine.facts.n_embd) {
      throw invalidRequest(`this model returns only vectors of ${engine.facts.n_embd} dimensions`, 'dimensions');
    }
    const inputs = inputsOf(input).map((one, index) =>
      typeof one === 'string' ? one : checkTokens(one, engine, `input[${index}]`),
    );
    const { vectors, tokens } = await engine.embed(inputs, signal);
    count({ prompt: tokens });
    return {
      object: 'list',
      model,
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? base64(vector) : vector,
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  },
};

const inputsOf = (input: EmbeddingRequest['input']): readonly (string | readonly number[])[] => {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number'
    ? [input as readonly number[]]
    : (input as readonly (string | readonly number[])[]);
};

/** Little-endian 32-bit floats, which OpenAI's JavaScript client requests by default. */
const base64 = (vector: readonly number[]) => {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString('base64');
};
