/** Errors as HTTP answers. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply } from 'fastify';
import { asRbeeError, type ErrorBody, RbeeError } from '../contract/errors.ts';
import { formatBytes } from '../narration/quantities.ts';
import { drainRest } from '../worker-server/drain-rest.ts';
import { newRequestId, requestIdHeader } from './request-id.ts';
import { pathOf } from './request-target.ts';

/** The body of an error answer; each API has its own shape. */
export type ErrorForm = (error: RbeeError) => Omit<ErrorBody, 'code'> & { code: string };

/** The shape of the error catalogue. */
export const plainForm: ErrorForm = (error) => error.toJSON();

interface RefusedRequest {
  id: string;
  url: string;
  headers: IncomingHttpHeaders;
  raw: IncomingMessage;
}

/** A handler for `setErrorHandler`. */
export const sendError =
  (logger: FastifyBaseLogger, form: ErrorForm) =>
  (thrown: unknown, request: RefusedRequest, reply: FastifyReply): FastifyReply => {
    const error =
      fromFramework(thrown, { path: pathOf(request.url), type: request.headers['content-type'] ?? 'none' }) ??
      asRbeeError(thrown, 'the queen', 'rbee queen logs');
    if (error.code === 'INTERNAL') logger.error({ err: thrown, requestId: request.id }, error.message);
    // Errors of the framework come before any hook.
    reply.header(requestIdHeader, request.id);
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (error.status === 401) reply.header('www-authenticate', 'Bearer');
    if (error.code === 'BODY_TOO_SLOW') reply.header('connection', 'close');
    else if (!request.raw.complete) {
      // Fastify would close the connection right after the answer.
      reply.removeHeader('connection');
      drainRest(request.raw, reply.raw);
    }
    return reply.code(error.status).send({ error: form(error) });
  };

export const notFound = (request: { method: string; url: string }): RbeeError =>
  RbeeError.of('NOT_FOUND', { method: request.method, path: pathOf(request.url) });

/** Max size of a JSON body that is parsed by fastify. */
export const maxJsonBytes = 8 * 1024 * 1024;

/** Errors of fastify itself about a request. */
const fromFramework = (thrown: unknown, { path, type }: { path: string; type: string }): RbeeError | undefined => {
  if (thrown instanceof RbeeError || !(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const status = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500;
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const details = { limit: formatBytes(maxJsonBytes), hint: 'send a smaller body' };
    return RbeeError.of('BODY_TOO_LARGE', details, { cause: thrown });
  }
  if (thrown.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return unsupported(type, path, 'application/json');
  if (status >= 500 || status < 400) return undefined;
  return RbeeError.of(
    'INVALID_INPUT',
    { what: 'the request', problem: thrown.message, hint: 'see the API page of the documentation' },
    { cause: thrown },
  );
};

export const unsupported = (type: string, path: string, accepted: string): RbeeError =>
  RbeeError.of('UNSUPPORTED_CONTENT_TYPE', { type, path, accepted });

/** Answers a request that Node's parser rejects as HTTP. Returns a handler for `clientErrorHandler`. */
export const answerUnreadable =
  (form: ErrorForm) =>
  (thrown: Error & { code?: string }, socket: Socket): void => {
    if (!socket.writable || thrown.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [status, problem] = unreadable[thrown.code ?? ''] ?? (['400 Bad Request', 'it is not HTTP'] as const);
    const hint = 'see the API page of the documentation';
    const error = RbeeError.of('INVALID_INPUT', { what: 'the request', problem, hint });
    const body = JSON.stringify({ error: form(error) });
    const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
    head.push(`${requestIdHeader}: ${newRequestId()}`);
    socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`);
  };

const unreadable: Record<string, readonly [string, string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'its headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'it did not arrive in time'],
};
