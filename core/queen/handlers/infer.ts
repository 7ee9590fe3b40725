/** Answering a prompt: with a worker that serves the model, or one that is spawned for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, looksLikeReference, parseModelReference } from '../../contract/model-reference.ts';
import type { InferInput, InferResult } from '../../contract/operations.ts';
import type { ServedPath } from '../../contract/worker-type.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { choose } from '../gateway/choice.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { AnswerSink } from './answer-sink.ts';
import type { Handler, Parts } from './parts.ts';
import { spawnOn } from './spawn-worker.ts';

export const infer = (parts: Parts): Handler<'infer'> => {
  /** Spawns under way: two prompts for the same model at once need one worker. */
  const spawning = new Map<string, Promise<unknown>>();
  return async (input, context) => {
    const name = await served(parts, input, context, spawning);
    return ask(parts.gateway, name, input, context);
  };
};

/** The name under which a ready worker serves what was asked for. */
const served = async (
  { fleet, gateway }: Parts,
  input: InferInput,
  context: JobContext,
  spawning: Map<string, Promise<unknown>>,
): Promise<string> => {
  const { model, type, device } = input;
  const key = JSON.stringify([model, type, device]);
  for (;;) {
    context.signal.throwIfAborted();
    const name = nameOf(gateway, model);
    const known = name === undefined ? [] : gateway.names.named(name);
    if (name !== undefined && known.some(({ open }) => open)) return name;
    const coming = known.find(({ worker, state }) => state === worker.state && /^(starting|loading)$/.test(state));
    if (coming) {
      context.narrate({
        kind: 'step',
        id: 'wait',
        text: `waiting for ${coming.worker.id}, which is ${coming.state}`,
        on: 'queen',
      });
      await untilChanged(gateway, name ?? model, coming.state, context.signal);
      context.narrate({ kind: 'done', id: 'wait' });
      continue;
    }
    const underWay = spawning.get(key);
    if (underWay) {
      await Promise.race([underWay.catch(() => {}), aborted(context.signal)]);
      continue;
    }
    // A plain name that nothing serves: the choice says why, with near names.
    if (!looksLikeReference(model))
      return choose({ model, method: 'POST', path: chatPath }, gateway.names, gateway.load).worker.names[0]!;
    const spawn = spawnOn(fleet, { type: type ?? typeFor(fleet), model, ...(device && { device }) }, context);
    spawning.set(key, spawn);
    try {
      const worker = await spawn;
      if (worker.model !== null) return worker.model;
      throw RbeeError.of('PATH_NOT_SERVED', { model, path: chatPath, known: 'nothing by name' });
    } finally {
      spawning.delete(key);
    }
  }
};

const chatPath = '/v1/chat/completions';

/** A served name is taken as it is; a reference means the name of a worker that was loaded from it. */
const nameOf = (gateway: Gateway, model: string): string | undefined => {
  if (gateway.names.named(model).some(({ open }) => open) || !looksLikeReference(model)) return model;
  const reference = formatModelReference(parseModelReference(model));
  for (const candidate of gateway.names.candidates()) {
    const usable = candidate.open || /^(starting|loading)$/.test(candidate.state);
    if (usable && candidate.worker.reference === reference) return candidate.worker.names[0];
  }
  return undefined;
};

const untilChanged = async (gateway: Gateway, name: string, state: string, signal: AbortSignal): Promise<void> => {
  while (gateway.names.named(name).some((candidate) => candidate.state === state))
    await sleep(50, undefined, { signal });
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** The type to spawn when none was asked for: llamacpp where it is installed, else the first that answers prompts. */
const typeFor = (fleet: Fleet): string => {
  const usable = fleet.catalog().filter(({ fault }) => fault === undefined);
  const answers = usable.filter(({ serves }) => serves.some((path) => /\/v1\/(chat\/)?completions$/.test(path)));
  const type = answers.find((entry) => entry.type === 'llamacpp') ?? answers[0];
  if (type) return type.type;
  const known = usable.map((entry) => entry.type).join(', ') || 'none';
  throw RbeeError.of('TYPE_NOT_FOUND', { type: 'that answers prompts', known, near: '' });
};

const ask = async (gateway: Gateway, model: string, input: InferInput, context: JobContext): Promise<InferResult> => {
  const { path, kind } = pathFor(gateway, model);
  const body = Buffer.from(
    JSON.stringify({ model, ...(kind === 'chat' ? chat(input) : completion(input)), ...sampling(input) }),
  );
  const sink = new AnswerSink((text) => context.narrate({ kind: 'text', text }));
  const headers = ['content-type', 'application/json', 'accept', 'text/event-stream'];
  const request = { method: 'POST', path, target: path, model, headers, body, signal: context.signal } as const;
  await gateway.handle(request, sink);
  context.signal.throwIfAborted();
  return sink.result(model);
};

const pathFor = (gateway: Gateway, model: string): ServedPath => {
  const serves = gateway.names.named(model).flatMap(({ worker, open }) => (open ? worker.serves : []));
  const chats = serves.find(({ kind, path }) => kind === 'chat' && path.endsWith('/completions'));
  const found = chats ?? serves.find(({ kind }) => kind === 'completion');
  // Says which paths it serves instead.
  return found ?? choose({ model, method: 'POST', path: chatPath }, gateway.names, gateway.load).served;
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
