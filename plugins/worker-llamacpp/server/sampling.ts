/** Translates a request's sampling parameters, with llama-server's defaults, to node-llama-cpp's. */
import { randomInt } from 'node:crypto';
import { invalidRequest } from '@rbee/worker-server';
import {
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
  TokenBias,
} from 'node-llama-cpp';

/** The parameters that chat and text completions share; null means the default. */
export interface SamplingRequest {
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  seed?: number | null;
  repeat_penalty?: number | null;
  repeat_last_n?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  logit_bias?: Readonly<Record<string, number>> | null;
}

const defaults = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05, penalizedTokens: 64 };

export interface Sampling {
  options: SequenceEvaluateOptions;
  /** Called with each generated token; absent if nothing depends on it. */
  accept?(token: Token): void;
}

/** Create a new one for each answer: penalties and grammar have state. */
export const createSampling = (
  request: SamplingRequest,
  model: LlamaModel,
  prompt: readonly Token[],
  grammar?: LlamaGrammar,
): Sampling => {
  const options: SequenceEvaluateOptions = {
    temperature: request.temperature ?? defaults.temperature,
    topP: request.top_p ?? defaults.topP,
    topK: Math.max(0, request.top_k ?? defaults.topK),
    minP: request.min_p ?? defaults.minP,
    seed: request.seed != null && request.seed >= 0 ? request.seed : randomInt(2 ** 32),
    yieldEogToken: true,
  };
  if (grammar !== undefined) options.grammarEvaluationState = new LlamaGrammarEvaluationState({ model, grammar });
  if (request.logit_bias) options.tokenBias = tokenBias(request.logit_bias, model);
  const penalty = request.repeat_penalty ?? 1;
  const frequencyPenalty = request.frequency_penalty ?? 0;
  const presencePenalty = request.presence_penalty ?? 0;
  if (penalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return { options };
  const lastN = request.repeat_last_n ?? defaults.penalizedTokens;
  const length = lastN === -1 ? Number.POSITIVE_INFINITY : lastN;
  const recent = length > 0 ? prompt.slice(-length) : [];
  options.repeatPenalty = { punishTokens: () => recent, penalty, frequencyPenalty, presencePenalty };
  return {
    options,
    accept: (token) => {
      recent.push(token);
      if (recent.length > length) recent.shift();
    },
  };
};

const tokenBias = (biases: Readonly<Record<string, number>>, model: LlamaModel) => {
  const bias = TokenBias.for(model);
  for (const [token, logit] of Object.entries(biases)) {
    if (!/^\d+$/.test(token)) throw invalidRequest('the keys of logit_bias must be token numbers', 'logit_bias');
    bias.set(Number(token) as Token, logit <= -100 ? 'never' : { logit });
  }
  return bias;
};
