/** Closing servers: no new requests, and some time for those in progress. */
import type { FastifyInstance } from 'fastify';

/** How long answers in progress may take to finish, in milliseconds. */
const finishTimeoutMs = 10_000;
const idleCheckMs = 50;

/** Can be called again. `cut` is called at the timeout, before the remaining connections are closed. */
export const closeServers = async (apps: readonly FastifyInstance[], cut: () => Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), finishTimeoutMs);
  });
  const closed = Promise.all(apps.map((app) => app.close()));
  // A keep-alive connection whose answer ends while the server is closing would stay open until the client closes it.
  const idle = setInterval(() => {
    for (const app of apps) app.server.closeIdleConnections();
  }, idleCheckMs);
  if ((await Promise.race([closed, timeout])) === 'late') {
    await cut();
    for (const app of apps) app.server.closeAllConnections();
    await closed;
  }
  clearTimeout(timer);
  clearInterval(idle);
};
