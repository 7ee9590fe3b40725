/** Server-sent events on one response: few writes, no visible delay, and no faster than the client reads. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ErrorBody } from './errors.ts';
import type { EventStream } from './options.ts';

export interface ResponseStream extends EventStream {
  /** Ends the stream, with an error event instead of `[DONE]` if there is an error. */
  end(error?: ErrorBody): void;
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Otherwise nginx would buffer the events.
  'x-accel-buffering': 'no',
};

/**
 * An event after a pause is written at once, and events that follow closely are written together: a write takes about as
 * long as a small model takes for a token.
 */
const pauseMs = 16;
/** Maximum characters to collect. Beyond that they are written at once, and the source waits for its client. */
const maxPending = 65_536;

/**
 * `signal` aborts when the client disconnects; from then on, sending does nothing. `onOpen` is called when the headers are
 * sent. The stream ends with `[DONE]` if `done` is true.
 */
export const createEventStream = (
  response: ServerResponse,
  signal: AbortSignal,
  onOpen: () => void,
  done = true,
): ResponseStream => {
  let pending = '';
  let opened = false;
  let written = Number.NEGATIVE_INFINITY;
  let drained: Promise<void> | undefined;

  const open = () => {
    opened = true;
    onOpen();
    response.writeHead(200, headers);
  };

  const flush = () => {
    const text = pending;
    pending = '';
    if (text === '' || signal.aborted || response.writableEnded) return;
    written = performance.now();
    if (!response.write(text)) {
      drained ??= once(response, 'drain', { signal })
        .then(
          () => {},
          // The client disconnected instead; the signal informs the waiting handler.
          () => {},
        )
        .finally(() => {
          drained = undefined;
        });
    }
  };

  const schedule = () => {
    const rest = pauseMs - (performance.now() - written);
    if (rest > 0) setTimeout(flush, rest);
    else setImmediate(flush);
  };

  return {
    get opened() {
      return opened;
    },
    send: (event, name) => {
      if (!opened) open();
      if (pending === '') schedule();
      if (name !== undefined) pending += `event: ${name}\n`;
      pending += `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`;
      if (pending.length > maxPending) flush();
      return drained;
    },
    end: (error) => {
      if (response.destroyed || response.writableEnded) return;
      const last = error === undefined ? '[DONE]' : JSON.stringify(error);
      const text = error === undefined && !done ? pending : `${pending}data: ${last}\n\n`;
      pending = '';
      if (!opened) open();
      response.end(text);
    },
  };
};
