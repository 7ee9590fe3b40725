/**
 * The loopback port is for programs on this machine. A web page could reach it through the user's browser, so requests that
 * carry the headers of a browser are refused, and so are those that used another host name (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import { authorityOf } from '../../http/request-target.ts';

export interface GuardOptions {
  /** Web origins whose requests are accepted. */
  allowedOrigins: readonly string[];
  /** The server's URL, for error messages. */
  url: () => string;
}

export const guardFromBrowsers = (app: FastifyInstance, options: GuardOptions): void => {
  app.addHook('onRequest', async (request, reply) => {
    const refusal = refusalOf(request, options);
    if (refusal) throw refusal;
    const { origin } = request.headers;
    return origin === undefined ? undefined : allowOrigin(origin, request, reply);
  });
};

type Guarded = Pick<IncomingMessage, 'headers' | 'socket' | 'url'> & {
  /** As it was sent, before `originForm`. */
  originalUrl?: string;
};

/** FORBIDDEN_ORIGIN if the request must not be answered. */
export const refusalOf = (
  { headers, socket, url: target, originalUrl = target }: Guarded,
  { allowedOrigins, url }: GuardOptions,
): RbeeError | undefined => {
  const { host, origin, 'sec-fetch-site': site } = headers;
  const refuse = (header: string, value: string | undefined) =>
    RbeeError.of('FORBIDDEN_ORIGIN', { header, value: (value ?? '').slice(0, 200), url: url() });
  if (!isOwnHost(host, socket.localPort)) return refuse('Host', host);
  const authority = authorityOf(originalUrl);
  if (authority !== undefined && !isOwnHost(authority, socket.localPort)) return refuse('target', originalUrl);
  if (origin !== undefined) return allowedOrigins.includes(origin) ? undefined : refuse('Origin', origin);
  // Browsers leave Origin out of some requests (images, scripts, GET forms), but not Sec-Fetch-Site.
  const from = Array.isArray(site) ? site[0] : site;
  const isOwn = from === undefined || from === 'none' || from === 'same-origin';
  return isOwn ? undefined : refuse('Sec-Fetch-Site', from);
};

const isOwnHost = (host: string | undefined, port: number | undefined): boolean => {
  const match = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])(?::(\d{1,5}))?$/i.exec(host ?? '');
  return match !== null && Number(match[2] ?? 80) === port;
};

/** Sets the headers that let a page of an allowed origin read the answer, and answers preflight requests. */
const allowOrigin = (origin: string, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin');
  reply.header('access-control-expose-headers', 'x-rbee-worker, retry-after');
  if (request.method !== 'OPTIONS') return undefined;
  const requested = request.headers['access-control-request-headers'];
  return reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST, PUT, DELETE')
    .header('access-control-allow-headers', requested ?? 'content-type, authorization')
    .header('access-control-allow-private-network', 'true')
    .header('access-control-max-age', '600')
    .send();
};
