/** A hive's socket, reduced to the ready callback of workers. */
import { createServer, type Server } from 'node:http';

/** Listens on `path`; `onReady` tells whether the token was the right one. */
export const listenForReady = async (path: string, onReady: (token: string) => boolean): Promise<Server> => {
  const server = createServer((request, response) => {
    request.resume();
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    response.writeHead(request.method === 'POST' && onReady(token) ? 204 : 401).end();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return server;
};
