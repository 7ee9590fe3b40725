/** The queen's two doors: a socket for the keeper, a loopback port for applications. */

import { chmod, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { isLoopback } from '../../config/checks.ts';
import { makeSocketFolder } from '../../config/private-places.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import { inputSchemas } from '../../contract/input-schemas.ts';
import { listenProblem } from '../listen-problem.ts';
import { type ApplicationParts, applicationApi } from './application-api.ts';
import { connectionLimit } from './connection-limit.ts';
import { answerUnreadable, notFound, operationBytes, sendError } from './errors.ts';
import { type OperationsParts, operationsApi } from './operations-api.ts';
import { refuseOtherMethods } from './other-methods.ts';
import { longestMs } from './receive-body.ts';
import { type GuardOptions, guardTcp, originForm, refusalOf } from './tcp-guard.ts';
import { Upgrades } from './upgrades.ts';

export type ServerParts = ApplicationParts & OperationsParts;

/** Everything, on a socket that only its owner can open. The caller holds the queen's lock, so a socket there is stale. */
export const listenSocket = async (parts: ServerParts, path: string): Promise<FastifyInstance> => {
  const app = makeApp(parts, new Upgrades(parts));
  refuseOtherMethods(app);
  await app.register(operationsApi(parts));
  await app.register(applicationApi(parts));
  makeSocketFolder(dirname(path));
  await rm(path, { force: true });
  // Closed to others from its first moment, not only once its mode is set.
  const before = process.umask(0o077);
  try {
    await app.listen({ path });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
  return app;
};

/** Inference alone, for programs on this machine. Throws PORT_TAKEN, CONFIG_INVALID. */
export const listenTcp = async (
  parts: ApplicationParts,
  { bind, port, allowedOrigins }: RbeeConfig['queen'],
  conf: string,
): Promise<{ app: FastifyInstance; url: string }> => {
  if (!isLoopback(bind)) throw notLoopback(bind, conf);
  let url = '';
  const guard: GuardOptions = { allowedOrigins, url: () => url };
  const app = makeApp(parts, new Upgrades({ ...parts, refusal: (request) => refusalOf(request, guard) }));
  guardTcp(app, guard);
  refuseOtherMethods(app);
  await app.register(applicationApi(parts));
  app.server.maxConnections = connectionLimit();
  try {
    await app.listen({ host: bind, port });
  } catch (error) {
    await app.close();
    throw listenProblem(error, { bind, port }, conf);
  }
  const address = app.server.address() as AddressInfo;
  url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  return { app, url };
};

const makeApp = ({ logger, bodies }: ApplicationParts, upgrades: Upgrades): FastifyInstance => {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: operationBytes,
    schemaController: inputSchemas,
    // Time to send a request in, against clients that never finish one; answers may take as long as they like. Bodies of
    // inference are looked at more closely, by how much of them has arrived.
    requestTimeout: longestMs(bodies.limits),
    forceCloseConnections: 'idle',
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: 512 },
    http: { shouldUpgradeCallback: upgrades.takes },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, request, reply) => void sendError(logger, 'application')(error, request, reply),
  });
  upgrades.attach(app);
  app.setErrorHandler(sendError(logger, 'application'));
  app.setNotFoundHandler((request) => {
    throw notFound(request);
  });
  return app;
};

const notLoopback = (bind: string, file: string): RbeeError =>
  RbeeError.of('CONFIG_INVALID', {
    file,
    line: 1,
    column: 1,
    problem: `[queen] bind = "${bind}" is open to other machines, which this version does not do`,
    hint: 'use bind = "127.0.0.1", and reach it from elsewhere through ssh -L',
  });
