/** Requests to workers, as applications make them, sent over the queen's socket. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { catalogueError } from '../../contract/api/application-code.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenAddress } from './address.ts';
import { connectionError, openStream } from './http.ts';

export interface WorkerRequest {
  /** `/v1/images/generations`. */
  path: string;
  /** Sent as JSON; a form is sent as `multipart/form-data`. Both name the `model`. */
  body: object | FormData;
  signal?: AbortSignal;
}

/** Timeout in milliseconds for the first byte: the answer to a long recording comes at its end. */
const answerTimeoutMs = 24 * 3_600_000;

/** The answer as a stream. Throws the error that the queen or engine answers, and QUEEN_NOT_RUNNING. */
export const askWorker = (address: QueenAddress, { path, body, signal }: WorkerRequest): Promise<IncomingMessage> => {
  const request = { method: 'POST', path, signal, timeoutMs: answerTimeoutMs } as const;
  if (!(body instanceof FormData)) return openStream(address, { ...request, body });
  const form = new Response(body);
  const headers = { 'content-type': form.headers.get('content-type') ?? '' };
  return openStream(address, { ...request, headers, body: Readable.fromWeb(form.body as never) });
};

/**
 * The JSON of each server-sent event. Throws the error of an `error` event, and WORKER_CONNECTION_LOST if the stream ends
 * within an event.
 */
export async function* jsonEvents<Event>(answer: IncomingMessage): AsyncGenerator<Event, void, undefined> {
  answer.setEncoding('utf8');
  let rest = '';
  try {
    for await (const piece of answer) {
      const blocks = (rest + piece).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = eventOf<Event>(block);
        if (event !== undefined) yield event;
      }
    }
  } catch (error) {
    throw connectionError(error);
  }
  if (rest.trim() !== '') throw brokeOff('its last event was cut off');
}

const eventOf = <Event>(block: string): Event | undefined => {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  const data = lines.map((line) => line.slice('data:'.length).trimStart()).join('\n');
  if (data === '' || data.startsWith('[DONE]')) return undefined;
  const event = parse(data);
  const error = typeof event === 'object' && event !== null && 'error' in event ? event.error : undefined;
  if (!error) return event as Event;
  // Errors of the queen name the worker and have a hint; an engine's error has at most a message.
  const known = catalogueError(error);
  if (known) throw RbeeError.from(known);
  const message = typeof error === 'object' && 'message' in error ? String(error.message) : String(error);
  throw brokeOff(message);
};

const parse = (data: string): unknown => {
  try {
    return JSON.parse(data);
  } catch {
    throw brokeOff('it sent an event that is not JSON');
  }
};

const brokeOff = (problem: string): RbeeError =>
  RbeeError.of('WORKER_CONNECTION_LOST', { worker: 'of this model', problem });
