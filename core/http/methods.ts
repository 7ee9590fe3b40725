/** 405 for a known path that does not accept the method, with the accepted ones in `Allow`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../contract/errors.ts';
import { pathOf } from './request-target.ts';

/** The catch-all route. */
export const anyPath = '/*';

/** Applies to paths for which `isOwn` is true. Call it before adding routes. */
export const refuseOtherMethods = (app: FastifyInstance, isOwn: (path: string) => boolean): void => {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    if (url !== anyPath) routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request.url);
    const { url = anyPath } = request.routeOptions;
    if (url !== anyPath || !isOwn(path)) return;
    const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    if (methods.length > 0) throw methodNotAllowed(request, reply, methods);
  });
};

/** METHOD_NOT_ALLOWED; also sets `Allow` on the reply. */
export const methodNotAllowed = (
  { method, url }: Pick<FastifyRequest, 'method' | 'url'>,
  reply: FastifyReply,
  methods: readonly string[],
): RbeeError => {
  const allowed = [...new Set(methods)].sort().join(', ');
  reply.header('allow', allowed);
  return RbeeError.of('METHOD_NOT_ALLOWED', { method, path: pathOf(url), allowed });
};

const patternOf = (url: string): RegExp => {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[^\w-]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
};
