/** The HTTP server for applications. */
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { listenOnLoopback } from '../../http/listen.ts';
import { refuseOtherMethods } from '../../http/methods.ts';
import { makeHttpServer } from '../../http/server.ts';
import { maxBodyMs } from '../bodies/limits.ts';
import { isCorePath } from '../routing/core-paths.ts';
import { applicationError } from '../words/application-error.ts';
import { type ApplicationParts, applicationApi } from './application-api.ts';
import { type GuardOptions, guardFromBrowsers, refusalOf } from './browser-guard.ts';
import { Upgrades } from './upgrades.ts';

/** Listens on a loopback port for programs on this machine. Throws PORT_TAKEN, CONFIG_INVALID. */
export const listenForApplications = async (
  parts: ApplicationParts,
  { bind, port, allowedOrigins }: RbeeConfig['queen'],
  conf: string,
): Promise<{ app: FastifyInstance; url: string }> => {
  let url = '';
  const app = makeApplicationServer(parts, { allowedOrigins, url: () => url });
  await app.register(applicationApi(parts));
  app.server.maxConnections = connectionLimit();
  url = await listenOnLoopback(app, { bind, port }, conf);
  return { app, url };
};

/** A server that passes WebSockets on and has no routes yet: `applicationApi` adds them. `guard` keeps web pages out. */
export const makeApplicationServer = (parts: ApplicationParts, guard?: GuardOptions): FastifyInstance => {
  const upgrades = new Upgrades({ ...parts, ...(guard && { refusal: (request) => refusalOf(request, guard) }) });
  const app = makeHttpServer({
    logger: parts.logger,
    errorForm: applicationError,
    // For the largest body that is allowed; a smaller one has less time, depending on how much of it has arrived.
    requestTimeoutMs: maxBodyMs(parts.bodies.limits),
    takesUpgrade: upgrades.takes,
  });
  upgrades.attach(app);
  if (guard) guardFromBrowsers(app, guard);
  refuseOtherMethods(app, isCorePath);
  return app;
};

/** Descriptors kept for everything else: sockets, database, logs, reads of /proc. */
const reservedDescriptors = 48;
const unlimited = 65_536;

/**
 * Limits clients so that they do not use up the file descriptors of the process. A request uses up to three descriptors: its own, its connection to a worker, and its body if that is on disk.
 */
const connectionLimit = (): number => Math.max(4, Math.floor((descriptorLimit() - reservedDescriptors) / 3));

/** How many files this process may open, according to Linux; Node has raised the soft limit to the hard one. */
const descriptorLimit = (): number => {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? unlimited);
  } catch {
    return unlimited;
  }
};
