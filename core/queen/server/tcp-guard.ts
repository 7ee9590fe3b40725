/**
 * Who may use the TCP address: programs on this machine. A web page that a person looks at could reach it through the
 * browser, so the marks that browsers set are checked, and the name by which the address was called (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';

export interface GuardOptions {
  /** Web origins that may send requests all the same. */
  allowedOrigins: readonly string[];
  /** The address in words, for errors. */
  url: () => string;
}

export const guardTcp = (app: FastifyInstance, options: GuardOptions): void => {
  app.addHook('onRequest', async (request, reply) => {
    const refusal = refusalOf(request, options);
    if (refusal) throw refusal;
    const { origin } = request.headers;
    return origin === undefined ? undefined : admit(origin, request, reply);
  });
};

type Guarded = Pick<IncomingMessage, 'headers' | 'socket' | 'url'> & {
  /** As it was sent, before `originForm`. */
  originalUrl?: string;
};

/** Why a request must not be answered; undefined when it may. */
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
  // Browsers leave Origin out of some requests (images, scripts, forms that GET), but not this.
  const from = Array.isArray(site) ? site[0] : site;
  const isOwn = from === undefined || from === 'none' || from === 'same-origin';
  return isOwn ? undefined : refuse('Sec-Fetch-Site', from);
};

const isOwnHost = (host: string | undefined, port: number | undefined): boolean => {
  const match = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])(?::(\d{1,5}))?$/i.exec(host ?? '');
  return match !== null && Number(match[2] ?? 80) === port;
};

/** The host of a target such as `http://localhost:8500/v1/models`, which proxies are sent. It counts for more than `Host`. */
const authorityOf = (target = '/'): string | undefined =>
  target.startsWith('/') || target === '*' ? undefined : (absoluteForm.exec(target)?.[1] ?? '');

const absoluteForm = /^http:\/\/([^/?#@]*)(?=[/?]|$)/i;

/** The target of a request as its path and query, whichever form it was sent in. An option of fastify. */
export const originForm = ({ url = '/' }: { url?: string }): string => {
  if (url.startsWith('/')) return url;
  const path = url.replace(absoluteForm, '');
  return path === url || path.startsWith('/') ? path : `/${path}`;
};

/** The headers by which a browser lets a page of an allowed origin read the answer. */
const admit = (origin: string, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin');
  reply.header('access-control-expose-headers', 'x-rbee-worker, retry-after');
  if (request.method !== 'OPTIONS') return undefined;
  const asked = request.headers['access-control-request-headers'];
  return reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST')
    .header('access-control-allow-headers', asked ?? 'content-type, authorization')
    .header('access-control-allow-private-network', 'true')
    .header('access-control-max-age', '600')
    .send();
};
