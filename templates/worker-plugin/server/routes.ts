/** The HTTP paths of the worker; each is one of `serves` in index.ts. */
import type { Route } from '@rbee/worker-server';
import type { Engine } from './engine.ts';

interface ChatBody {
  messages: { role: string; content: string }[];
  stream?: boolean;
}

/** OpenAI's chat, so that `rbee infer` and every client of theirs work with it. */
export const chatRoute: Route<Engine> = {
  path: '/v1/chat/completions',
  schema: {
    type: 'object',
    required: ['messages'],
    properties: {
      messages: {
        type: 'array',
        minItems: 1,
        items: { type: 'object', required: ['role', 'content'], properties: { content: { type: 'string' } } },
      },
      stream: { type: 'boolean' },
    },
  },
  handler: async ({ body }, { loaded, model, signal, stream, count }) => {
    const { messages, stream: streamed } = body as ChatBody;
    const prompt = messages.at(-1)?.content ?? '';
    const head = { id: 'chat', created: Math.floor(Date.now() / 1000), model };
    const events = streamed ? stream() : undefined;
    const pieces: string[] = [];
    const send = (delta: object, finish_reason: string | null) =>
      events?.send({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] });
    for await (const content of loaded.say(prompt, signal)) {
      pieces.push(content);
      await send({ content }, null);
    }
    count({ prompt: prompt.split(/\s+/).length, generated: pieces.length });
    if (events) return void (await send({}, 'stop'));
    const message = { role: 'assistant', content: pieces.join('') };
    return { ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] };
  },
};

/** A path of the engine's own: the body and the answer are whatever you like. */
export const ownRoute: Route<Engine> = {
  path: '/v1/my-engine',
  schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
  handler: async ({ body }, { loaded, model, signal }) => {
    const pieces: string[] = [];
    for await (const piece of loaded.say((body as { text: string }).text, signal)) pieces.push(piece);
    return { model, said: pieces.join('') };
  },
};
