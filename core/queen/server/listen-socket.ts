/** The queen's socket: everything, for the owner of the socket alone. */
import type { FastifyInstance } from 'fastify';
import { type ApplicationParts, applicationApi } from '../../gateway/api/application-api.ts';
import { makeApplicationServer } from '../../gateway/api/server.ts';
import { listenOnSocket } from '../../http/listen.ts';
import { type OperationsDeps, operationsApi } from './operations-api.ts';

/** The caller holds the queen's lock. */
export const listenSocket = async (
  parts: ApplicationParts & OperationsDeps,
  path: string,
): Promise<FastifyInstance> => {
  const app = makeApplicationServer(parts);
  await app.register(operationsApi(parts));
  await app.register(applicationApi(parts));
  await listenOnSocket(app, path);
  return app;
};
