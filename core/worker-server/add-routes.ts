/** A worker's routes in its HTTP server, each with the parser that its kind of body needs. */
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Route } from './options.ts';

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Parsers belong to a scope, so that a JSON route refuses a form with 415, and the other way round. */
export const addRoutes = <Loaded>(
  app: FastifyInstance,
  routes: readonly Route<Loaded>[],
  handle: (route: Route<Loaded>) => Handler,
): void => {
  refuseDoubles(routes);
  const gets = routes.filter(({ method }) => method === 'GET');
  const posts = routes.filter(({ method }) => method !== 'GET');
  for (const route of gets) app.get(route.path, { exposeHeadRoute: false }, handle(route));
  for (const route of posts.filter(({ body = 'json' }) => body === 'json')) {
    app.post(route.path, { schema: { body: route.schema ?? {} }, handler: handle(route) });
  }
  const forms = posts.filter(({ body }) => body === 'multipart');
  if (forms.length > 0) {
    app.register(async (scope) => {
      await scope.register(multipart);
      for (const route of forms) scope.post(route.path, handle(route));
    });
  }
  const raws = posts.filter(({ body }) => body === 'raw');
  if (raws.length > 0) {
    app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
      for (const route of raws) scope.post(route.path, handle(route));
    });
  }
};

/** Checked before the server is created: fastify's own error would name only one of the two routes. */
const refuseDoubles = <Loaded>(routes: readonly Route<Loaded>[]): void => {
  const names = routes.map(({ method = 'POST', path }) => `${method} ${path}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two routes are ${twice}: define each method of a path only once`);
};
