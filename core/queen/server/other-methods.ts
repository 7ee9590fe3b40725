/** A known path that is asked for with a method that it does not take: 405, and in `Allow` which ones it does. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import { isCorePath } from '../gateway/core-paths.ts';
import { pathOf } from './errors.ts';

/** The route that takes in what no other one does. */
export const anyPath = '/*';

/** To be called before the routes are added. */
export const refuseOtherMethods = (app: FastifyInstance): void => {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    if (url !== anyPath) routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request.url);
    const { url = anyPath } = request.routeOptions;
    if (url !== anyPath || !isCorePath(path)) return;
    const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    if (methods.length > 0) throw methodNotAllowed(request, reply, methods);
  });
};

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
