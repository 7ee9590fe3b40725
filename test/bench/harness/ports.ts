/** Ports as seen from outside: free, answering, closed. */
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

const patienceMs = 60_000;
const host = '127.0.0.1';

/** Ports on which nothing listens at the moment. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};

/** Resolves when every port answers `path` with 200. Checking in sequence is as fast as all at once, with less load. */
export const untilAnswer = async (ports: readonly number[], path = '/'): Promise<void> => {
  for (const port of ports) await poll(async () => (await answer(port, path)) !== null, `an answer on port ${port}`);
};

/** PID of the trivial server on a port, which is its answer to every request; null when nothing answers. */
export const pidOn = async (port: number): Promise<number | null> => {
  const pid = await answer(port, '/');
  return pid === null ? null : Number(pid);
};

export const untilClosed = async (ports: readonly number[]): Promise<void> => {
  for (const port of ports) await poll(async () => !(await listens(port)), `the end of port ${port}`);
};

/** Polls every few milliseconds; gives up after a minute. */
export const poll = async <Value>(
  look: () => Promise<Value | false | null>,
  what: string,
  pauseMs = 2,
): Promise<Value> => {
  const end = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null) return seen;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await delay(pauseMs);
  }
};

/** The body, if the status is 200. */
const answer = (port: number, path: string): Promise<string | null> =>
  new Promise((resolve) => {
    const call = get({ host, port, path, agent: false }, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 ? body : null),
        () => resolve(null),
      );
    });
    call.once('error', () => resolve(null));
  });

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
