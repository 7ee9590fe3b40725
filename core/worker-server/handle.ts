/** Handles one request: slot, handler, answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, asApiError, noSuchModel, stopping } from './errors.ts';
import { createEventStream } from './event-stream.ts';
import type { Metrics } from './metrics.ts';
import type { Route } from './options.ts';
import { RawAnswer, sendRawAnswer } from './raw-answer.ts';
import { type Received, receive } from './receive.ts';
import type { Slots } from './slots.ts';

export interface Handling<Loaded> {
  slots: Slots;
  metrics: Metrics;
  /** Names of the model; answers contain the first. */
  models: readonly string[];
  loaded(): Loaded;
  /** All open requests, so that a drain can end them. */
  underWay: Set<Running>;
  log(line: string): void;
}

export interface Running {
  /** Still in the queue: it has not been processed yet. */
  waiting: boolean;
  abort(reason: Error): void;
}

class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** Creates the fastify handler of a route. */
export const handle =
  <Loaded>(route: Route<Loaded>, server: Handling<Loaded>) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const arrived = performance.now();
    const response = reply.raw;
    const leaving = new AbortController();
    const { signal } = leaving;
    const log = (line: string) => server.log(`${line} [${request.id}]`);
    const running: Running = { waiting: true, abort: (reason) => leaving.abort(reason) };
    const seconds = () => (performance.now() - arrived) / 1000;
    const onFirstByte = () => server.metrics.firstByte(route.path, seconds());
    const stream = createEventStream(response, signal, onFirstByte, route.done);
    let status = 200;

    response.once('close', () => {
      if (!response.writableFinished) leaving.abort(new ClientLeft('the client has left'));
      server.metrics.ended(route.path, response.writableFinished ? status : 499, seconds());
    });
    server.underWay.add(running);
    let free: (() => void) | undefined;
    let received: Received | undefined;
    try {
      if (response.destroyed) leaving.abort(new ClientLeft('the client has left'));
      received = await receive(route, request, signal);
      checkModel(received.request.body, server.models);
      if (route.slot !== false) free = await server.slots.take(signal);
      running.waiting = false;
      const answer = await route.handler(received.request, {
        loaded: server.loaded(),
        model: server.models[0] ?? '',
        signal,
        stream: () => {
          reply.hijack();
          return stream;
        },
        count: (tokens) => server.metrics.count(tokens),
        log,
      });
      if (answer instanceof RawAnswer) {
        reply.hijack();
        status = answer.parts.status ?? 200;
        await sendRawAnswer(answer, response, signal, onFirstByte);
        return reply;
      }
      if (!reply.sent) {
        onFirstByte();
        return answer;
      }
      stream.end();
      return reply;
    } catch (thrown) {
      // If a request was aborted, the abort is the reason, whatever the handler throws.
      const error = asApiError(signal.aborted ? signal.reason : thrown);
      status = error.status;
      if (signal.aborted && signal.reason instanceof ClientLeft) {
        if (!reply.sent) reply.hijack();
        response.destroy();
        return reply;
      }
      if (error.status >= 500 && !(thrown instanceof ApiError)) {
        server.log(`error [${request.id}]: ${route.path}: ${describe(thrown)}`);
      }
      // Part of a raw answer was sent, so all that can be done is to mark it as incomplete.
      if (reply.sent && response.headersSent && !stream.opened) {
        response.destroy();
        return reply;
      }
      if (!stream.opened && reply.sent) {
        sendRaw(reply, error);
        return reply;
      }
      if (!reply.sent) throw error;
      stream.end(error.toJSON());
      return reply;
    } finally {
      server.underWay.delete(running);
      free?.();
      await received?.remove();
    }
  };

/** The model is optional. Another model than ours is an error: the answer would seem to come from that model. */
const checkModel = (body: unknown, models: readonly string[]) => {
  const asked = (body as { model?: unknown } | null)?.model;
  if (typeof asked !== 'string' || asked === '') return;
  const name = asked.toLowerCase();
  if (!models.some((one) => one.toLowerCase() === name)) throw noSuchModel(asked, models);
};

/** A requested stream that has sent nothing yet can still be answered with an error status. */
const sendRaw = (reply: FastifyReply, error: ApiError) => {
  const body = JSON.stringify(error);
  const headers: Record<string, string | number> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  };
  if (error.retryAfter !== undefined) headers['retry-after'] = error.retryAfter;
  reply.raw.writeHead(error.status, headers).end(body);
};

/** Ends waiting requests at once, because another worker can take them. Running ones continue. */
export const refuseWaiting = (underWay: Set<Running>): void => {
  for (const one of underWay) if (one.waiting) one.abort(stopping());
};

/** Ends all open requests. */
export const abortAll = (underWay: Set<Running>): void => {
  for (const one of underWay) one.abort(stopping());
};

const describe = (thrown: unknown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
