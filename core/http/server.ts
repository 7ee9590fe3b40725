/** The HTTP server under each of the queen's APIs, before it has routes and before it listens. */
import type { IncomingMessage } from 'node:http';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { inputSchemas } from '../contract/input-schemas.ts';
import { answerUnreadable, type ErrorForm, maxJsonBytes, notFound, sendError } from './error-answers.ts';
import { hasHost, withoutHost } from './host-header.ts';
import { requestIdHeader, requestIdOf } from './request-id.ts';
import { originForm } from './request-target.ts';

export interface HttpServerOptions {
  logger: FastifyBaseLogger;
  /** Shape of errors outside any API: an unknown path, a request that is not HTTP. */
  errorForm: ErrorForm;
  /** How long a client may take to send a request, in milliseconds. Answers have no time limit. */
  requestTimeoutMs: number;
  /** Path and query that a request is answered for; the default is its target as it was sent. */
  rewriteUrl?: (request: { url?: string }) => string;
  /** Whether to hand the request to the `upgrade` listeners; all others are answered as plain HTTP. */
  takesUpgrade: (request: IncomingMessage) => boolean;
  /** PEM; absent for plain HTTP. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
}

export const makeHttpServer = ({
  logger,
  errorForm,
  requestTimeoutMs,
  rewriteUrl = originForm,
  takesUpgrade,
  tls,
}: HttpServerOptions): FastifyInstance => {
  const serverOptions = {
    shouldUpgradeCallback: (request: IncomingMessage) => hasHost(request) && takesUpgrade(request),
    // Node would answer without a body; see `hasHost`.
    requireHostHeader: false,
  };
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxJsonBytes,
    schemaController: inputSchemas,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
    rewriteUrl,
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512 },
    // Exactly one of the two; fastify's types know each alone.
    ...((tls ? { https: { ...tls, ...serverOptions } } : { http: serverOptions }) as { http: object }),
    clientErrorHandler: answerUnreadable(errorForm),
    frameworkErrors: (error, request, reply) => void sendError(logger, errorForm)(error, request, reply),
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(requestIdHeader, request.id);
    done(hasHost(request.raw) ? undefined : withoutHost());
  });
  // An `Expect` other than 100-continue is ignored; Node would answer 417 without a body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.setErrorHandler(sendError(logger, errorForm));
  app.setNotFoundHandler((request) => {
    throw notFound(request);
  });
  return app;
};
