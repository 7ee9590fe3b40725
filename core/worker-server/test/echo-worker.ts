/** A worker without an engine, for tests: echoes its input, at the pace that the request sets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidRequest, StartError } from '../errors.ts';
import type { Route, WorkerServerOptions } from '../options.ts';
import { runWorkerServer } from '../run.ts';

interface Body {
  words: string[];
  pauseMs?: number;
  stream?: boolean;
  fail?: 'first' | 'later';
}

export const echoRoute: Route<string> = {
  path: '/v1/echo',
  schema: {
    type: 'object',
    required: ['words'],
    properties: { words: { type: 'array', items: { type: 'string' } }, pauseMs: { type: 'number', minimum: 0 } },
  },
  handler: async ({ body }, { loaded, model, signal, stream, count }) => {
    const { words, pauseMs = 0, stream: streamed, fail } = body as Body;
    const said: string[] = [];
    const events = streamed ? stream() : undefined;
    for (const word of words) {
      if (fail === 'first') throw invalidRequest('failed before the first word', 'fail');
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
      signal.throwIfAborted();
      said.push(word);
      await events?.send({ word });
      if (fail === 'later') throw new Error('failed after a word');
    }
    count({ prompt: words.length, generated: said.length });
    return events === undefined ? { said, loaded, model } : undefined;
  },
};

export const echoOptions = (more: Partial<WorkerServerOptions<string>> = {}): WorkerServerOptions<string> => ({
  name: 'echo',
  host: '127.0.0.1',
  port: 0,
  models: ['echo', 'parrot'],
  slots: 2,
  queueLimit: 1,
  routes: [echoRoute],
  load: async ({ progress }) => {
    progress(0.5);
    return 'a model';
  },
  env: {},
  log: () => {},
  ...more,
});

if (import.meta.main) {
  await runWorkerServer({
    ...echoOptions(),
    log: undefined,
    port: Number(process.argv[2] ?? 0),
    env: process.env,
    drainMs: Number(process.env['ECHO_DRAIN_MS'] ?? 30_000),
    load: async ({ progress, signal }) => {
      progress(0.25);
      if (process.env['ECHO_FAIL']) throw new StartError(66, 'there is no such model');
      await sleep(Number(process.env['ECHO_LOAD_MS'] ?? 0), undefined, { signal });
      return 'a model';
    },
  });
}
