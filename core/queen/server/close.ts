/** The end of the queen's servers: no new requests, and a while for those under way. */
import type { FastifyInstance } from 'fastify';

/** How long answers that have begun may go on. */
const finishMs = 10_000;
const idleMs = 50;

/** Closes idempotently. `cut` is called when the time is up, before the connections that are left are ended. */
export const closeServers = async (apps: readonly FastifyInstance[], cut: () => Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), finishMs);
  });
  const closed = Promise.all(apps.map((app) => app.close()));
  // A connection whose answer ends while the server closes would stay open, idle, until the client lets go.
  const idle = setInterval(() => {
    for (const app of apps) app.server.closeIdleConnections();
  }, idleMs);
  if ((await Promise.race([closed, patience])) === 'late') {
    await cut();
    for (const app of apps) app.server.closeAllConnections();
    await closed;
  }
  clearTimeout(timer);
  clearInterval(idle);
};
