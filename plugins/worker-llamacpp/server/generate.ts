/** Generates one answer, until the model, a stop string, a limit or the client ends it. */
import { ApiError, invalidRequest } from '@rbee/worker-server';
import type { LlamaContextSequence, LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import type { PieceReader } from './pieces.ts';
import { createSampling, type SamplingRequest } from './sampling.ts';
import type { Sequences } from './sequences.ts';
import { createStopGate } from './stop-strings.ts';

export interface GenerateTools {
  model: LlamaModel;
  sequences: Sequences;
  pieces(): PieceReader;
  /** Capacity of a sequence in tokens. */
  contextSize: number;
  /** Prompt tokens that are computed at once. */
  batchSize: number;
}

export interface GenerateRequest {
  prompt: Token[];
  sampling: SamplingRequest;
  /** Maximum number of tokens to generate; if absent, as many as fit. */
  maxTokens: number | undefined;
  /** The field that the prompt comes from. */
  field: 'messages' | 'prompt';
  stops: readonly string[];
  grammar: LlamaGrammar | undefined;
  signal: AbortSignal;
  /** Called with each piece of text; generation waits for a returned promise. */
  onText(text: string): Promise<void> | undefined;
}

export interface Generated {
  finishReason: 'stop' | 'length';
  /** Tokens of the prompt, how many of these were cached, and generated tokens (including the end token). */
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  promptMs: number;
  completionMs: number;
}

/** Throws a 400 if the prompt does not fit, and the signal's reason when it fires. */
export const generate = async (tools: GenerateTools, request: GenerateRequest): Promise<Generated> => {
  const { prompt, signal } = request;
  const room = tools.contextSize - prompt.length;
  if (prompt.length === 0) throw invalidRequest('the prompt is empty', request.field);
  if (room < 1) throw tooLong(prompt.length, tools.contextSize, request.field);
  const sequence = tools.sequences.take(prompt);
  let broken = true;
  try {
    const generated = await answer(tools, request, sequence, Math.min(room, request.maxTokens ?? room));
    broken = false;
    return generated;
  } catch (error) {
    // An abort takes effect between two computations, so the sequence stays usable.
    broken = !signal.aborted;
    throw error;
  } finally {
    await tools.sequences.give(sequence, broken);
  }
};

const answer = async (
  { model, pieces, batchSize }: GenerateTools,
  { prompt, sampling, stops, grammar, signal, onText }: GenerateRequest,
  sequence: LlamaContextSequence,
  limit: number,
): Promise<Generated> => {
  const started = performance.now();
  const rest = await reusePrefix(sequence, prompt);
  const cachedTokens = prompt.length - rest.length;
  while (rest.length > batchSize) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(rest.splice(0, batchSize));
  }
  signal.throwIfAborted();
  const { options, accept } = createSampling(sampling, model, prompt, grammar);
  const reader = pieces();
  const gate = createStopGate(stops);
  let promptEnded = started;
  let completionTokens = 0;
  let finishReason: Generated['finishReason'] = 'length';

  for await (const token of sequence.evaluate(rest, options)) {
    if (completionTokens === 0) promptEnded = performance.now();
    completionTokens += 1;
    signal.throwIfAborted();
    if (model.isEogToken(token)) {
      finishReason = 'stop';
      break;
    }
    accept?.(token);
    const text = gate.push(reader.push(token));
    if (text !== '') {
      const slow = onText(text);
      if (slow !== undefined) await slow;
    }
    if (gate.stopped) {
      finishReason = 'stop';
      break;
    }
    if (completionTokens >= limit) break;
  }
  if (!gate.stopped) {
    const text = gate.push(reader.end()) + gate.end();
    if (text !== '') await onText(text);
  }
  return {
    finishReason,
    promptTokens: prompt.length,
    cachedTokens,
    completionTokens,
    promptMs: promptEnded - started,
    completionMs: performance.now() - promptEnded,
  };
};

/** Keeps the prefix that sequence and prompt share, except one token, which must be recomputed. Returns the rest. */
const reusePrefix = async (sequence: LlamaContextSequence, prompt: Token[]): Promise<Token[]> => {
  const shared = Math.min(sequence.compareContextTokens(prompt).firstDifferentIndex, prompt.length - 1);
  if (shared < sequence.nextTokenIndex) {
    await sequence.eraseContextTokenRanges([{ start: shared, end: sequence.nextTokenIndex }]);
  }
  // Some models cannot drop an arbitrary part, and keep less than requested.
  return prompt.slice(sequence.nextTokenIndex);
};

const tooLong = (tokens: number, contextSize: number, param: string) =>
  new ApiError(
    400,
    'invalid_request_error',
    `the prompt has ${tokens} tokens, and the context of a slot holds ${contextSize} with the answer; ` +
      'send a shorter one, or spawn the worker with a larger --option context',
    { param, code: 'context_length_exceeded' },
  );
