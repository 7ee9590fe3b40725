/** Notices when the client of a response goes away. */
import type { ServerResponse } from 'node:http';

/** Aborted if the connection closes before the response is complete. */
export const disconnectSignal = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController();
  const check = () => {
    if (!response.writableFinished) controller.abort();
  };
  // The client may have gone while its request was still being read.
  if (response.closed) check();
  else response.once('close', check);
  return controller.signal;
};
