/** The HTTP server under each of the queen's APIs, before it has routes and before it listens. */
import type { IncomingMessage } from 'node:http';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { inputSchemas } from '../contract/api/input-schemas.ts';
import { RbeeError } from '../contract/errors.ts';
import { answerUnreadable, type ErrorForm, maxJsonBytes, notFound, sendError } from './error-answers.ts';
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
  // Node's own answer to a request without `Host` has neither a body nor an id.
  const nodeOptions = {
    shouldUpgradeCallback: (request: IncomingMessage) => !lacksHost(request) && takesUpgrade(request),
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
    ...((tls ? { https: { ...tls, ...nodeOptions } } : { http: nodeOptions }) as { http: object }),
    clientErrorHandler: answerUnreadable(errorForm),
    frameworkErrors: (error, request, reply) => void sendError(logger, errorForm)(error, request, reply),
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(requestIdHeader, request.id);
    if (lacksHost(request.raw)) done(noHost());
    else done();
  });
  // Node would answer 417 in its own words. Expectations other than `100-continue` may be ignored.
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response));
  app.setErrorHandler(sendError(logger, errorForm));
  app.setNotFoundHandler((request) => {
    throw notFound(request);
  });
  return app;
};

const lacksHost = ({ httpVersion, headers }: IncomingMessage): boolean =>
  httpVersion === '1.1' && headers.host === undefined;

const noHost = (): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: 'the request',
    problem: 'it has no Host header',
    hint: 'see the API page of the documentation',
  });
