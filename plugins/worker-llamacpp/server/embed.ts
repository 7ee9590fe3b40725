/** Embeddings: one vector of length 1 for each input. */
import { ApiError, invalidRequest } from '@rbee/worker-server';
import type { LlamaEmbeddingContext, LlamaModel, Token } from 'node-llama-cpp';

export interface Embedder {
  /** Vectors in the order of the inputs, and the tokens of all. Throws a 400 when an input does not fit. */
  embed(inputs: readonly (string | Token[])[], signal: AbortSignal): Promise<{ vectors: number[][]; tokens: number }>;
}

/** The context is made when it is first asked for: most workers never need it. */
export const createEmbedder = (model: LlamaModel, contextSize: number, threads: number): Embedder => {
  let context: Promise<LlamaEmbeddingContext> | undefined;
  const open = () => {
    // The whole input has to go through the model in one batch.
    context ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads }).catch((cause) => {
      context = undefined;
      throw new ApiError(
        503,
        'unavailable_error',
        `the context for embeddings cannot be made: ${(cause as Error).message}`,
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
        // Both calls below add to the list that they are given.
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
