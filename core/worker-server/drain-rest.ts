/** Reads and discards the rest of a request that is answered before it has arrived completely. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** In milliseconds: without a byte, and in all. */
const defaultLimits = { idleMs: 30_000, totalMs: 300_000 };

/**
 * Closing a connection with unread data resets it, and a client that is still sending would lose the answer. Call this
 * before sending the answer. A client that asked for the connection to be closed gets that once it has sent everything.
 */
export const drainRest = (request: IncomingMessage, response: ServerResponse, limits = defaultLimits): void => {
  const closes = !response.shouldKeepAlive;
  if (closes) {
    // With the header, Node would close the connection after the answer.
    response.shouldKeepAlive = true;
    response.removeHeader('connection');
  }
  response.once('finish', () => {
    if (request.destroyed) return;
    const { socket } = request;
    if (request.complete) {
      if (closes) socket.end();
      return;
    }
    if (closes) request.once('end', () => socket.end());
    // Node may discard the bytes without an event.
    let read = socket.bytesRead;
    const idle = setInterval(() => {
      if (socket.bytesRead === read) socket.destroy();
      read = socket.bytesRead;
    }, limits.idleMs).unref();
    const total = setTimeout(() => socket.destroy(), limits.totalMs).unref();
    request.once('close', () => {
      clearInterval(idle);
      clearTimeout(total);
    });
    request.resume();
  });
};
