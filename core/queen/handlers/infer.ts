/** Answers a prompt with a worker that serves the model, and spawns one if needed. */
import type { InferInput, InferResult } from '../../contract/api/operations.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { AnswerSink } from './answer-sink.ts';
import type { Handler, QueenServices } from './services.ts';
import type { Serving } from './serving.ts';

export const infer =
  ({ gateway }: QueenServices, serving: Serving): Handler<'infer'> =>
  async (input, context) => {
    const { model, type, device } = input;
    // A worker for text completion can also answer a prompt.
    const kind = completesOnly(gateway, model) ? 'completion' : 'chat';
    const found = await serving.ensure({ model, kind, type, device }, context);
    return ask(gateway, found.model, { path: found.path, kind }, input, context);
  };

const completesOnly = (gateway: Gateway, model: string): boolean => {
  const kinds = gateway.names.named(model).flatMap(({ worker }) => worker.serves.map(({ kind }) => kind));
  return kinds.includes('completion') && !kinds.includes('chat');
};

const ask = async (
  gateway: Gateway,
  model: string,
  { path, kind }: { path: string; kind: 'chat' | 'completion' },
  input: InferInput,
  context: JobContext,
): Promise<InferResult> => {
  const body = Buffer.from(
    JSON.stringify({ model, ...(kind === 'chat' ? chat(input) : completion(input)), ...sampling(input) }),
  );
  const tooLong = new AbortController();
  const sink = new AnswerSink(
    (text) => context.show({ kind: 'text', text }),
    () => tooLong.abort(),
  );
  const signal = AbortSignal.any([context.signal, tooLong.signal]);
  const headers = ['content-type', 'application/json', 'accept', 'text/event-stream'];
  const request = { method: 'POST', path, target: path, model, headers, body, signal } as const;
  await gateway.handle(request, sink);
  context.signal.throwIfAborted();
  return sink.result(model);
};

const chat = ({ prompt, system }: InferInput) => ({
  messages: [...(system === undefined ? [] : [{ role: 'system', content: system }]), { role: 'user', content: prompt }],
});

const completion = ({ prompt, system }: InferInput) => ({
  prompt: system === undefined ? prompt : `${system}\n\n${prompt}`,
});

const sampling = ({ maxTokens, temperature, topP, seed, stop }: InferInput) => ({
  max_tokens: maxTokens,
  temperature,
  top_p: topP,
  seed,
  stop,
  stream: true,
  stream_options: { include_usage: true },
});
