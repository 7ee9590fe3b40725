/** Notices when the client of a response goes away. */
import type { ServerResponse } from 'node:http';

/** Aborted if the connection closes before the response is complete. */
export const disconnectSignal = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
};
