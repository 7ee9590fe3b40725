/** Checks tokens that a client sends as numbers. */
import { invalidRequest } from '@rbee/worker-server';
import type { Token } from 'node-llama-cpp';
import type { Engine } from './engine.ts';

/** llama.cpp refuses a whole batch because of one unknown token. */
export const checkTokens = (tokens: readonly number[], { facts }: Engine, field: string): Token[] => {
  const unknown = tokens.find((token) => token >= facts.n_vocab);
  if (unknown !== undefined)
    throw invalidRequest(`the model has no token ${unknown}, only 0 to ${facts.n_vocab - 1}`, field);
  return [...tokens] as Token[];
};
