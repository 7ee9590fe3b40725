/** POST /v1/completions: continues a text, without a chat template. */
import { randomUUID } from 'node:crypto';
import type { Route } from '@rbee/worker-server';
import type { Token } from 'node-llama-cpp';
import type { Engine } from './engine.ts';
import type { Generated } from './generate.ts';
import { completionSchema } from './schemas.ts';
import { createChunks, run, type TextRequest, timingsOf, usageOf } from './text-request.ts';
import { checkTokens } from './token-input.ts';
import { refuseUnsupported } from './unsupported.ts';

interface CompletionRequest extends TextRequest {
  prompt: string | readonly number[] | readonly (string | readonly number[])[];
}

export const completionRoute: Route<Engine> = {
  path: '/v1/completions',
  schema: completionSchema,
  handler: async (request, context) => {
    const body = request.body as CompletionRequest;
    refuseUnsupported(body);
    const { loaded: engine, model } = context;
    const prompts = promptsOf(engine, body.prompt);
    const head = {
      id: `cmpl-${randomUUID()}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model,
    };
    const all: Generated[] = [];
    if (!body.stream) {
      const choices: object[] = [];
      for (const [index, prompt] of prompts.entries()) {
        let text = '';
        const generated = await run(engine, body, prompt, context, (piece) => {
          text += piece;
          return undefined;
        });
        all.push(generated);
        choices.push({ index, text, logprobs: null, finish_reason: generated.finishReason });
      }
      return { ...head, choices, usage: usageOf(all), ...(all[0] ? { timings: timingsOf(all[0]) } : {}) };
    }
    const chunks = createChunks(context.stream(), head, body.stream_options?.include_usage === true);
    for (const [index, prompt] of prompts.entries()) {
      const generated = await run(engine, body, prompt, context, (text) =>
        chunks.choice(`{"index":${index},"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":null}`),
      );
      all.push(generated);
      chunks.choice(`{"index":${index},"text":"","logprobs":null,"finish_reason":"${generated.finishReason}"}`);
    }
    chunks.usage(all);
    return undefined;
  },
};

/** One or several prompts, each as text or as tokens. */
const promptsOf = (engine: Engine, prompt: CompletionRequest['prompt']): Token[][] => {
  const list = typeof prompt === 'string' ? [prompt] : isTokens(prompt) ? [prompt] : prompt;
  return list.map((one) => (typeof one === 'string' ? engine.tokenize(one) : checkTokens(one, engine, 'prompt')));
};

const isTokens = (prompt: readonly unknown[]): prompt is readonly number[] => typeof prompt[0] === 'number';
