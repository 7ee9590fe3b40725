/** POST /v1/chat/completions. */
import { randomUUID } from 'node:crypto';
import type { Route } from '@rbee/worker-server';
import type { Message } from './chat-template.ts';
import type { Engine } from './engine.ts';
import { chatSchema } from './schemas.ts';
import { createChunks, run, type TextRequest, timingsOf, usageOf } from './text-request.ts';
import { refuseUnsupported } from './unsupported.ts';

interface ChatRequest extends TextRequest {
  messages: readonly Message[];
  chat_template_kwargs?: Record<string, unknown> | null;
}

export const chatRoute: Route<Engine> = {
  path: '/v1/chat/completions',
  schema: chatSchema,
  handler: async (request, context) => {
    const body = request.body as ChatRequest;
    refuseUnsupported(body);
    const { loaded: engine, model } = context;
    const prompt = engine.tokenize(engine.chatTemplate.render(body.messages, body.chat_template_kwargs ?? {}));
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
    if (!body.stream) {
      let content = '';
      const generated = await run(engine, body, prompt, context, (text) => {
        content += text;
        return undefined;
      });
      const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: generated.finishReason };
      return {
        ...head,
        object: 'chat.completion',
        choices: [{ ...choice, logprobs: null }],
        usage: usageOf([generated]),
        timings: timingsOf(generated),
      };
    }
    const chunks = createChunks(
      context.stream(),
      { ...head, object: 'chat.completion.chunk' },
      body.stream_options?.include_usage === true,
    );
    let started = false;
    const start = () => {
      if (!started) chunks.choice('{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}');
      started = true;
    };
    const generated = await run(engine, body, prompt, context, (text) => {
      start();
      return chunks.choice(`{"index":0,"delta":{"content":${JSON.stringify(text)}},"finish_reason":null}`);
    });
    start();
    chunks.choice(`{"index":0,"delta":{},"finish_reason":"${generated.finishReason}"}`);
    chunks.usage([generated]);
    return undefined;
  },
};
