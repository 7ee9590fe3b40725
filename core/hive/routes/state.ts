/** The hive's health, state, heartbeats, devices and catalog. */
import type { FastifyInstance } from 'fastify';
import type { HealthBody, HiveState } from '../../contract/api/hive-api.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { Machine } from '../machine.ts';
import type { StateFeed } from '../state-feed.ts';

export interface StateParts {
  health: HealthBody;
  state: () => HiveState;
  feed: StateFeed;
  machine: Machine;
  types: WorkerTypes;
}

export const stateRoutes = (server: FastifyInstance, { health, state, feed, machine, types }: StateParts): void => {
  server.get('/health', () => health);
  server.get('/v1/state', () => state());
  server.get('/v1/devices', () => machine.measure());
  server.post('/v1/catalog/refresh', async () => {
    await types.refresh({ reload: true });
    return types.list();
  });
  server.get('/v1/heartbeats', (_request, reply) => {
    const { raw } = reply.hijack();
    raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const end = feed.subscribe((line) => {
      if (!raw.destroyed) raw.write(line);
    });
    raw.on('close', end);
    raw.on('error', end);
  });
};
