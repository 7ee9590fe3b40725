/** Models: one narrating route per action; reads also have a plain GET. */
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { type ModelAction, type ModelRequestOf, modelRequests } from '../../contract/models.ts';
import type { Models } from '../models/models.ts';
import { narratingAnswer } from '../narrating-answer.ts';

const query = Type.Partial(modelRequests.get);

export const modelRoutes = (server: FastifyInstance, models: Models): void => {
  const route = <Action extends ModelAction>(action: Action): void => {
    const schema = { body: modelRequests[action] };
    server.post<{ Body: ModelRequestOf<Action> }>(`/v1/models/${action}`, { schema }, (request, reply) => {
      const run = models[action].bind(models) as (request: ModelRequestOf<Action>, call: never) => Promise<unknown>;
      narratingAnswer(reply, (call) => run(request.body as ModelRequestOf<Action>, call as never));
    });
  };
  for (const action of Object.keys(modelRequests) as ModelAction[]) route(action);
  server.get<{ Querystring: { model?: string } }>(
    '/v1/models',
    { schema: { querystring: query } },
    ({ query: { model } }) => (model === undefined ? models.list() : models.get({ model })),
  );
};
