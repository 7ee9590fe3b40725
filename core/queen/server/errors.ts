/** How errors leave the queen: the catalogue's form, and for applications OpenAI's fields beside it. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply } from 'fastify';
import { asRbeeError, type ErrorBody, type ErrorCode, RbeeError } from '../../contract/errors.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { drainRest } from './drain-rest.ts';

/** What clients of OpenAI's API read of an error. */
export interface ApplicationError extends ErrorBody {
  type: string;
  param: string | null;
}

interface RefusedRequest {
  url: string;
  headers: IncomingHttpHeaders;
  raw: IncomingMessage;
}

/** A handler for `setErrorHandler`. */
export const sendError =
  (logger: FastifyBaseLogger, form: 'plain' | 'application') =>
  (thrown: unknown, request: RefusedRequest, reply: FastifyReply): FastifyReply => {
    const error =
      fromFramework(thrown, { path: pathOf(request.url), type: request.headers['content-type'] ?? 'none' }) ??
      asRbeeError(thrown, 'the queen', 'rbee queen logs');
    if (error.code === 'INTERNAL') logger.error(thrown);
    const retry = retryAfter(error);
    if (retry !== undefined) reply.header('retry-after', retry);
    const body = form === 'application' ? applicationError(error) : error.toJSON();
    if (error.code === 'BODY_TOO_SLOW') reply.header('connection', 'close');
    else if (!request.raw.complete) {
      // The framework would close the connection at once.
      reply.removeHeader('connection');
      drainRest(request.raw, reply.raw);
    }
    return reply.code(error.status).send({ error: body });
  };

export const notFound = (request: { method: string; url: string }): RbeeError =>
  RbeeError.of('NOT_FOUND', { method: request.method, path: pathOf(request.url) });

export const applicationError = (error: RbeeError): ApplicationError => ({
  ...error.toJSON(),
  type: typeOf(error.status),
  param: error.code === 'MODEL_NOT_FOUND' || error.code === 'NO_READY_WORKER' ? 'model' : null,
});

export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** Largest body of an operation. */
export const operationBytes = 8 * 1024 * 1024;

const typeOf = (status: number): string => {
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};

/** Seconds after which asking again may work. */
const retryAfter = (error: RbeeError): number | undefined => {
  const soon: readonly ErrorCode[] = ['NO_READY_WORKER', 'WORKER_NOT_READY', 'HIVE_UNREACHABLE'];
  return soon.includes(error.code) ? 2 : undefined;
};

/** What fastify itself found wrong with a request. */
const fromFramework = (thrown: unknown, { path, type }: { path: string; type: string }): RbeeError | undefined => {
  if (thrown instanceof RbeeError || !(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const status = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500;
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const details = { limit: formatBytes(operationBytes), hint: 'send a smaller body' };
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

/** Answers what Node's parser could not read as HTTP, in the form of every other error. A handler for `clientErrorHandler`. */
export const answerUnreadable = (thrown: Error & { code?: string }, socket: Socket): void => {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, problem] = unreadable[thrown.code ?? ''] ?? (['400 Bad Request', 'it is not HTTP'] as const);
  const hint = 'see the API page of the documentation';
  const error = applicationError(RbeeError.of('INVALID_INPUT', { what: 'the request', problem, hint }));
  const body = JSON.stringify({ error });
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`);
};

const unreadable: Record<string, readonly [string, string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'its headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'it did not arrive in time'],
};
