/** A queen that answers from a table over a real socket, for tests of the command line alone. */
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';

export interface FakeQueen {
  /** The requests so far as `METHOD path`, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

type Answer = unknown | ((request: IncomingMessage, response: ServerResponse) => void);

/**
 * `answers` by `METHOD path`: a body that is sent as JSON, or a function that handles the request. Anything else is a
 * 404.
 */
export const startFakeQueen = async (socketPath: string, answers: Record<string, Answer>): Promise<FakeQueen> => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const asked = `${request.method} ${request.url}`;
    requests.push(asked);
    const answer = answers[asked];
    if (typeof answer === 'function') return answer(request, response);
    const body = answer ?? { error: { code: 'NOT_FOUND', message: `there is nothing at ${asked}`, hint: 'look' } };
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { requests, close };
};
