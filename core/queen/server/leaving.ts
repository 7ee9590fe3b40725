/** Tells when the client of a response has gone. */
import type { ServerResponse } from 'node:http';

/** Aborted when the connection closes before the response was complete. */
export const leaving = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
};
