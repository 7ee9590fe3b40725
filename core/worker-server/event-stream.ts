/** Server-sent events on one response: few writes, without a delay that anyone sees, and no faster than the client reads. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ErrorBody } from './errors.ts';
import type { EventStream } from './options.ts';

export interface ResponseStream extends EventStream {
  /** Ends the stream; with an error event in place of `[DONE]` when there is one. */
  end(error?: ErrorBody): void;
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // nginx would collect the events otherwise.
  'x-accel-buffering': 'no',
};

/**
 * An event after a pause is written at once; those that follow it closely are written together. A write costs about as
 * much as a small model takes for a token.
 */
const pauseMs = 16;
/** Characters that may wait for that; a faster source is written at once, and then waits for its client. */
const mostPending = 65_536;

/**
 * `signal` fires when the client has left; sending does nothing from then on. `onOpen` is called with the headers. The
 * stream ends with `[DONE]` if `done` says so.
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
          // The client left instead; the waiting handler sees that by the signal.
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
      if (pending.length > mostPending) flush();
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
