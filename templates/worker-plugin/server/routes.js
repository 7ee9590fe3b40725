/** The HTTP paths of the worker. List each of them in `serves` in index.js. */
/** @import { Route } from '@rbee/worker-server' */
/** @import { Engine } from './engine.js' */

/**
 * OpenAI's chat API, so that `rbee infer` and every OpenAI client work with it.
 *
 * @type {Route<Engine>}
 */
export const chatRoute = {
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
    const chat = /** @type {{ messages: { role: string, content: string }[], stream?: boolean }} */ (body);
    const prompt = chat.messages.at(-1)?.content ?? '';
    const head = { id: 'chat', created: Math.floor(Date.now() / 1000), model };
    const events = chat.stream ? stream() : undefined;
    /** @type {string[]} */
    const pieces = [];
    /**
     * @param {object} delta
     * @param {string | null} finish_reason
     */
    const send = (delta, finish_reason) =>
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

/**
 * A path of your own: the body and the answer can have any shape.
 *
 * @type {Route<Engine>}
 */
export const ownRoute = {
  path: '/v1/my-engine',
  schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
  handler: async ({ body }, { loaded, model, signal }) => {
    const { text } = /** @type {{ text: string }} */ (body);
    /** @type {string[]} */
    const pieces = [];
    for await (const piece of loaded.say(text, signal)) pieces.push(piece);
    return { model, said: pieces.join('') };
  },
};
