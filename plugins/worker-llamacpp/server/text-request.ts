/** What chat and text completions share: parameters, and the parts of an answer. */
import { type EventStream, invalidRequest, type RequestContext } from '@rbee/worker-server';
import type { LlamaGrammar, Token } from 'node-llama-cpp';
import type { Engine } from './engine.ts';
import type { Generated } from './generate.ts';
import { SchemaProblem } from './json-schema/budget.ts';
import type { SamplingRequest } from './sampling.ts';

export interface TextRequest extends SamplingRequest {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null } | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  /** llama-server's own name. */
  n_predict?: number | null;
  stop?: string | readonly string[] | null;
  response_format?: {
    type: 'text' | 'json_object' | 'json_schema';
    json_schema?: { schema: object };
    /** llama-server's own field for the schema. */
    schema?: object;
  } | null;
  n?: number | null;
  [field: string]: unknown;
}

/** A grammar for JSON answers, if the request asks for them. */
export const grammarFor = async (engine: Engine, body: TextRequest): Promise<LlamaGrammar | undefined> => {
  const format = body.response_format;
  if (!format || format.type === 'text') return undefined;
  const schema = format.json_schema?.schema ?? format.schema;
  if (schema === undefined && format.type === 'json_schema') {
    throw invalidRequest('response_format.json_schema.schema is required', 'response_format.json_schema');
  }
  try {
    return await engine.grammar(schema ?? { type: 'object' });
  } catch (problem) {
    if (!(problem instanceof SchemaProblem)) throw problem;
    const message = `the builtin engine of llamacpp cannot follow this JSON schema: ${problem.message} (at ${problem.path})`;
    throw invalidRequest(
      message,
      'response_format',
      problem.kind === 'unsupported' ? 'unsupported_json_schema' : 'invalid_json_schema',
    );
  }
};

/** Generates one answer with the request's parameters. */
export const run = async (
  engine: Engine,
  body: TextRequest,
  prompt: Token[],
  { signal, count }: Pick<RequestContext<Engine>, 'signal' | 'count'>,
  onText: (text: string) => Promise<void> | undefined,
): Promise<Generated> => {
  if (engine.generate === undefined) {
    throw invalidRequest('this model only returns embeddings', 'model', 'unsupported_value');
  }
  const { stop } = body;
  const generated = await engine.generate({
    prompt,
    sampling: body,
    maxTokens: maxTokensOf(body),
    field: 'messages' in body ? 'messages' : 'prompt',
    stops: typeof stop === 'string' ? [stop] : (stop ?? []),
    grammar: await grammarFor(engine, body),
    signal,
    onText,
  });
  count({ prompt: generated.promptTokens, generated: generated.completionTokens });
  return generated;
};

/** Undefined for as many as fit. Web interfaces send -1 for that. */
const maxTokensOf = (body: TextRequest): number | undefined => {
  const field = (['max_completion_tokens', 'max_tokens', 'n_predict'] as const).find((name) => body[name] != null);
  const wanted = field && body[field];
  if (wanted === 0) throw invalidRequest(`${field} must be at least 1, or -1 for as many tokens as fit`, field);
  return wanted === -1 ? undefined : (wanted ?? undefined);
};

/** Token counts in OpenAI's format, over all answers of one request. */
export const usageOf = (all: readonly Generated[]) => {
  const sum = (of: (one: Generated) => number) => all.reduce((total, one) => total + of(one), 0);
  const prompt = sum((one) => one.promptTokens);
  const completion = sum((one) => one.completionTokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: sum((one) => one.cachedTokens) },
  };
};

/** Speeds, with llama-server's field names. */
export const timingsOf = (one: Generated) => {
  const computed = one.promptTokens - one.cachedTokens;
  return {
    cache_n: one.cachedTokens,
    prompt_n: computed,
    prompt_ms: one.promptMs,
    prompt_per_second: perSecond(computed, one.promptMs),
    predicted_n: one.completionTokens,
    predicted_ms: one.completionMs,
    predicted_per_second: perSecond(one.completionTokens, one.completionMs),
  };
};

const perSecond = (count: number, ms: number) => (ms > 0 ? (count / ms) * 1000 : 0);

/** The chunks of one streamed answer. Constant parts are serialised once. */
export const createChunks = (stream: EventStream, head: object, usageAsked: boolean) => {
  const start = JSON.stringify(head).slice(0, -1);
  const end = usageAsked ? ',"usage":null}' : '}';
  return {
    /** `choice` is the JSON of the one choice. */
    choice: (choice: string) => stream.send(`${start},"choices":[${choice}]${end}`),
    /** The last chunk, if the request asked for it. */
    usage: (all: readonly Generated[]) => {
      if (!usageAsked) return;
      stream.send({ ...head, choices: [], usage: usageOf(all), ...(all[0] ? { timings: timingsOf(all[0]) } : {}) });
    },
  };
};
