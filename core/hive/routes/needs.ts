/** What the hive is missing for a piece of work, as determined by the part that would do it. Changes nothing. */
import type { FastifyInstance } from 'fastify';
import { type HiveNeed, type NeedsRequest, needsRequest } from '../../contract/worker-type/needs.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import { refuseMissing } from '../../worker-types/device-choice.ts';
import type { Machine } from '../machine.ts';
import type { Call } from '../models/call.ts';
import { narratingAnswer } from '../narrating-answer.ts';
import type { Plugins } from '../plugins/plugins.ts';
import { spawnCommand } from '../workers/launch-plan.ts';
import type { Workers } from '../workers/workers.ts';

export interface NeedsParts {
  hive: string;
  types: Pick<WorkerTypes, 'has'>;
  machine: Pick<Machine, 'facts'>;
  plugins: Pick<Plugins, 'needs' | 'typeNeeds' | 'programNeeds'>;
  workers: Pick<Workers, 'refuse' | 'spawnNeeds' | 'startNeeds'>;
}

/** Narrates, so that the request is cancelled when the client disconnects: asking a registry may take long. */
export const needsRoute = (server: FastifyInstance, parts: NeedsParts): void => {
  server.post<{ Body: NeedsRequest }>('/v1/needs', { schema: { body: needsRequest } }, ({ body }, reply) => {
    narratingAnswer(reply, (call) => needsOf(body, parts, call));
  });
};

/** Also throws the errors with which the work itself would be refused. */
const needsOf = async (
  request: NeedsRequest,
  { hive, types, machine, plugins, workers }: NeedsParts,
  call: Call,
): Promise<HiveNeed | null> => {
  if ('plugin' in request) return plugins.needs(request.plugin, call);
  if ('program' in request) return plugins.programNeeds(request.program);
  const { without } = request;
  if ('start' in request) return workers.startNeeds(request.start, { ...call, without });
  const { worker } = request;
  await workers.refuse(worker);
  if (await types.has(worker.type)) return workers.spawnNeeds(worker, { ...call, without });
  // Refuse before the download whatever can be refused without the plugin.
  if (worker.device !== undefined)
    refuseMissing(worker.device, (await machine.facts()).devices, hive, spawnCommand(worker.type));
  return plugins.typeNeeds(worker.type, call);
};
