/** What the hive lacks for a piece of work. Asking a registry may take long, so it narrates, and leaving cancels it. */
import type { FastifyInstance } from 'fastify';
import { type NeedsRequest, needsRequest } from '../../contract/needs.ts';
import { narratingAnswer } from '../narrating-answer.ts';
import type { Needs } from '../needs.ts';

export const needsRoute = (server: FastifyInstance, needs: Needs): void => {
  server.post<{ Body: NeedsRequest }>('/v1/needs', { schema: { body: needsRequest } }, ({ body }, reply) => {
    narratingAnswer(reply, (call) => needs(body, call));
  });
};
