/** The HTTP servers for applications. */
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { formatListenAddress, type ListenAddress } from '../../config/listen-address.ts';
import { closeListener, listenAt } from '../../http/listen.ts';
import { refuseOtherMethods } from '../../http/methods.ts';
import { originForm } from '../../http/request-target.ts';
import { makeHttpServer } from '../../http/server.ts';
import { readTlsFiles, type TlsFiles, watchTlsFiles } from '../../http/tls-files.ts';
import type { AccessRules } from '../access/admission.ts';
import type { KeyRing } from '../access/key-ring.ts';
import { maxBodyMs } from '../bodies/limits.ts';
import { isCorePath } from '../routing/core-paths.ts';
import { normalTarget } from '../routing/normal-path.ts';
import { applicationError } from '../words/application-error.ts';
import { type ApplicationParts, applicationApi } from './application-api.ts';
import { type GuardParts, guard } from './guard.ts';
import { Upgrades } from './upgrades.ts';

export interface Listening {
  addresses: readonly ListenAddress[];
  /** For addresses with TLS. */
  tls: TlsFiles | null;
  rules: Omit<AccessRules, 'url'>;
  keys: KeyRing;
  /** Adds more routes to each server. */
  addRoutes?: (app: FastifyInstance) => Promise<void>;
  /** The file that the addresses come from, for error messages. */
  conf: string;
}

export interface Listeners {
  apps: readonly FastifyInstance[];
  /** Base URLs, in the order of the addresses. */
  urls: readonly string[];
}

/** Listens on all addresses, or on none. Throws PORT_TAKEN, CONFIG_INVALID, TLS_FILES_INVALID. */
export const listenForApplications = async (
  parts: ApplicationParts,
  { addresses, tls, rules, keys, addRoutes, conf }: Listening,
): Promise<Listeners> => {
  const urls: string[] = [];
  const apps: FastifyInstance[] = [];
  const guarded: GuardParts = { keys, rules: { ...rules, url: () => urls[0] ?? '' } };
  // All addresses share the descriptors of the process.
  const maxConnections = Math.max(4, Math.floor(connectionLimit() / addresses.length));
  try {
    for (const address of addresses) {
      const pair = address.tls && tls ? readTlsFiles(tls) : undefined;
      const app = makeApplicationServer(parts, guarded, pair);
      apps.push(app);
      if (pair && tls) {
        const stop = watchTlsFiles(tls, app.server as never, parts.logger);
        app.addHook('onClose', async () => stop());
      }
      await addRoutes?.(app);
      await app.register(applicationApi(parts));
      app.server.maxConnections = maxConnections;
      urls.push(formatListenAddress(await listenAt(app, address, conf)));
    }
  } catch (error) {
    await Promise.all(apps.map(closeListener));
    throw error;
  }
  return { apps, urls };
};

/** A server that passes WebSockets on and has no routes yet. Without `guarded`, every request is the owner's. */
export const makeApplicationServer = (
  parts: ApplicationParts,
  guarded?: GuardParts,
  tls?: { cert: Buffer; key: Buffer },
): FastifyInstance => {
  const upgrades = new Upgrades({ ...parts, guard: guarded });
  const app = makeHttpServer({
    logger: parts.logger,
    errorForm: applicationError,
    // For the largest body that is allowed; a smaller one has less time, depending on how much of it has arrived.
    requestTimeoutMs: maxBodyMs(parts.bodies.limits),
    rewriteUrl: (request) => normalTarget(originForm(request), parts.gateway),
    takesUpgrade: upgrades.takes,
    tls,
  });
  upgrades.attach(app);
  guard(app, guarded);
  refuseOtherMethods(app, isCorePath);
  return app;
};

/** Descriptors kept for everything else: sockets, database, logs, reads of /proc. */
const reservedDescriptors = 48;
const unlimited = 65_536;

/**
 * Limits clients so that they do not use up the file descriptors of the process. A request uses up to three descriptors:
 * its own, its connection to a worker, and its body if that is on disk.
 */
const connectionLimit = (): number => Math.floor((descriptorLimit() - reservedDescriptors) / 3);

/** How many files this process may open, according to Linux; Node has raised the soft limit to the hard one. */
const descriptorLimit = (): number => {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? unlimited);
  } catch {
    return unlimited;
  }
};
