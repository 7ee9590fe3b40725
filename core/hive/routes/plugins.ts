/** Plugins: one narrating route per action. */
import type { FastifyInstance } from 'fastify';
import { type PluginAction, type PluginRequestOf, pluginRequests } from '../../contract/plugins.ts';
import { narratingAnswer } from '../narrating-answer.ts';
import type { Plugins } from '../plugins/plugins.ts';

export const pluginRoutes = (server: FastifyInstance, plugins: Plugins): void => {
  const route = <Action extends PluginAction>(action: Action): void => {
    const schema = { body: pluginRequests[action] };
    server.post<{ Body: PluginRequestOf<Action> }>(`/v1/plugins/${action}`, { schema }, (request, reply) => {
      const run = plugins[action].bind(plugins) as (request: PluginRequestOf<Action>, call: never) => Promise<unknown>;
      narratingAnswer(reply, (call) => run(request.body as PluginRequestOf<Action>, call as never));
    });
  };
  for (const action of Object.keys(pluginRequests) as PluginAction[]) route(action);
};
