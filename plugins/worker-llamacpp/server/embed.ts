/** Embeddings: one vector of length 1 for each input. */
import { ApiError, invalidRequest } from '@rbee/worker-server';
import type { LlamaEmbeddingContext, LlamaModel, Token } from 'node-llama-cpp';

export interface Embedder {
  /** Returns vectors in the order of the inputs, and the total number of tokens. Throws a 400 if an input does not fit. */
  embed(inputs: readonly (string | Token[])[], signal: AbortSignal): Promise<{ vectors: number[][]; tokens: number }>;
}

/** Creates the context on first use, because most workers never need it. */
export const createEmbedder = (model: LlamaModel, contextSize: number, threads: number): Embedder => {
  let context: Promise<LlamaEmbeddingContext> | undefined;
  const open = () => {
    // The model must see the whole input in one batch.
    context ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads }).catch((cause) => {
      context = undefined;
      throw new ApiError(
        503,
        'unavailable_error',
        `cannot create the context for embeddings: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    });
    return context;
  };
  return {
    embed: async (inputs, signal) => {
      const embedding = await open();
      const vectors: number[][] = [];
      let tokens = 0;
      for (const [index, input] of inputs.entries()) {
        signal.throwIfAborted();
        // Both calls below append to the list.
        const listed = typeof input === 'string' ? model.tokenize(input, false) : input;
        const length = embedding.calculateInputLength([...listed]);
        if (listed.length === 0) throw invalidRequest('an input is empty', `input[${index}]`);
        if (length >= contextSize) throw tooLong(index, length, contextSize);
        const { vector } = await embedding.getEmbeddingFor([...listed]);
        vectors.push(unitVector(vector));
        tokens += length;
      }
      return { vectors, tokens };
    },
  };
};

const tooLong = (index: number, tokens: number, contextSize: number) =>
  new ApiError(
    400,
    'invalid_request_error',
    `input ${index} has ${tokens} tokens, and at most ${contextSize - 1} fit`,
    {
      param: `input[${index}]`,
      code: 'context_length_exceeded',
    },
  );

const unitVector = (vector: readonly number[]): number[] => {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
};
