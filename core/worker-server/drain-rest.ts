/** What is still to come of a request that has been answered already is read and thrown away. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** For so long. */
const drainMs = 30_000;

/**
 * A connection that is closed with unread bytes is reset, and a client that still writes loses the answer with it. To be
 * called before the answer is sent.
 */
export const drainRest = (request: IncomingMessage, response: ServerResponse): void => {
  response.once('finish', () => {
    if (request.complete || request.destroyed) return;
    const timer = setTimeout(() => request.socket.destroy(), drainMs).unref();
    request.once('close', () => clearTimeout(timer));
    request.resume();
  });
};
