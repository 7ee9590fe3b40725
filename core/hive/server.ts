/** The hive's HTTP server on its socket, for the queen only: access is controlled by the socket's permissions. */
import { timingSafeEqual } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { makeSocketFolder } from '../config/private-places.ts';
import { inputSchemas } from '../contract/api/input-schemas.ts';
import { asRbeeError, RbeeError } from '../contract/errors.ts';
import type { Models } from './models/models.ts';
import type { Plugins } from './plugins/plugins.ts';
import { modelRoutes } from './routes/models.ts';
import { needsRoute } from './routes/needs.ts';
import { pluginRoutes } from './routes/plugins.ts';
import { type StateParts, stateRoutes } from './routes/state.ts';
import { workerRoutes } from './routes/workers.ts';
import type { Workers } from './workers/workers.ts';

export interface HiveServerOptions extends StateParts {
  /** Alias of this hive. */
  hive: string;
  socketPath: string;
  workers: Workers;
  plugins: Plugins;
  models: Models;
  logger: FastifyBaseLogger;
  /** A loopback port in addition to the socket, for clients that present the token; none when null. */
  port: { port: number; token: string } | null;
}

/** The same limit as for the queen's operations. */
const bodyLimit = 8 * 2 ** 20;

/** The caller holds the lock of the state folder, so an existing socket is left over from a dead process. */
export const listenHive = async ({
  hive,
  socketPath,
  workers,
  plugins,
  models,
  logger,
  port,
  ...state
}: HiveServerOptions): Promise<FastifyInstance> => {
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    requestTimeout: 0,
    bodyLimit,
    schemaController: inputSchemas,
  });
  server.setErrorHandler((error, _request, reply) => {
    const known = asInputError(error) ?? asRbeeError(error, 'the hive', 'hive.log');
    if (known.code === 'INTERNAL') logger.error(error);
    return reply.code(known.status).send({ error: known.toJSON() });
  });
  server.setNotFoundHandler((request, reply) => {
    const error = RbeeError.of('NOT_FOUND', { method: request.method, path: request.url });
    return reply.code(error.status).send({ error: error.toJSON() });
  });
  stateRoutes(server, state);
  needsRoute(server, { hive, types: state.types, machine: state.machine, plugins, workers });
  workerRoutes(server, workers);
  pluginRoutes(server, plugins);
  modelRoutes(server, models);

  // A queen on another machine reaches this socket through SSH and cannot check its permissions, so this check is
  // essential.
  makeSocketFolder(dirname(socketPath));
  await rm(socketPath, { force: true });
  const listenOnPort = port && doorOf(server, port);
  await listenPrivately(server, socketPath);
  await listenOnPort?.();
  return server;
};

/** The socket is created without access for others, so that they can never connect. */
const listenPrivately = async (server: FastifyInstance, path: string): Promise<void> => {
  const before = process.umask(0o177);
  try {
    await server.listen({ path });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
};

/**
 * A port of the same server for clients that present the token: opening the socket requires permission, but every user
 * of the machine can reach a port. Returns what listens there.
 */
const doorOf = (server: FastifyInstance, { port, token }: { port: number; token: string }): (() => Promise<void>) => {
  const wanted = Buffer.from(`Bearer ${token}`);
  const door = createServer((socket) => server.server.emit('connection', socket));
  server.addHook('onClose', async () => void door.close());
  server.addHook('onRequest', async ({ raw, headers }) => {
    if (raw.socket.remoteAddress === undefined) return;
    const given = Buffer.from(headers.authorization ?? '');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
    throw RbeeError.of('PERMISSION_DENIED', { action: 'ask', name: 'the hive' });
  });
  return () =>
    new Promise((resolve, reject) => {
      door.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'EADDRINUSE' ? RbeeError.of('HIVE_PORT_TAKEN', { port }) : error);
      });
      door.listen(port, '127.0.0.1', resolve);
    });
};

/** The error for a body or parameter that is not JSON or does not match its schema. */
const asInputError = (error: unknown): RbeeError | undefined => {
  const { validation, validationContext, message, statusCode } = error as {
    validation?: { instancePath: string; message?: string }[];
    validationContext?: string;
    message: string;
    statusCode?: number;
  };
  if (!validation && !(statusCode !== undefined && statusCode >= 400 && statusCode < 500)) return undefined;
  const first = validation?.[0];
  const problem = first ? `${first.instancePath.slice(1).replaceAll('/', '.') || 'it'} ${first.message}` : message;
  return RbeeError.of('INVALID_INPUT', { what: validationContext ?? 'the request', problem, hint: 'see the API page' });
};
