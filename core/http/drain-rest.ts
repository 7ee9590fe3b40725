/** Reads and discards the rest of a request that is answered before it has arrived completely. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const drainTimeoutMs = 30_000;

/**
 * Closing a connection with unread data resets it, and a client that is still sending would lose the answer. Call this
 * before sending the answer.
 */
export const drainRest = (request: IncomingMessage, response: ServerResponse): void => {
  response.once('finish', () => {
    if (request.complete || request.destroyed) return;
    const timer = setTimeout(() => request.socket.destroy(), drainTimeoutMs).unref();
    request.once('close', () => clearTimeout(timer));
    request.resume();
  });
};
