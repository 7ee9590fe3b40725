/** Reads and discards the rest of a request that was already answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds to keep reading. */
const drainMs = 30_000;

/**
 * Closing a connection with unread bytes resets it, and a client that is still writing loses the answer. Call this before
 * the answer is sent.
 */
export const drainRest = (request: IncomingMessage, response: ServerResponse): void => {
  response.once('finish', () => {
    if (request.complete || request.destroyed) return;
    const timer = setTimeout(() => request.socket.destroy(), drainMs).unref();
    request.once('close', () => clearTimeout(timer));
    request.resume();
  });
};
