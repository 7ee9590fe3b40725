/** Models: the hive does it; a list without a hive is that of all hives that answer. */
import type { ModelAction, ModelDetails, ModelRequestOf, ModelResults } from '../../contract/models.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { localAlias } from '../local-hive.ts';
import type { Handler, Parts } from './parts.ts';
import { withModels } from './with-models.ts';

export const onModels =
  <Action extends ModelAction>({ fleet }: Parts, action: Action) =>
  async (input: ModelRequestOf<Action> & { hive?: string }, context: JobContext): Promise<ModelResults[Action]> => {
    const { hive = localAlias, ...request } = input;
    const { client } = fleet.online(hive).connection;
    return named(await client.models(action, request as ModelRequestOf<Action>, context), hive);
  };

export const downloadModel =
  (parts: Parts): Handler<'model_download'> =>
  (input, context) => {
    const { hive = localAlias, ...request } = input;
    return withModels(parts, { hive, models: [request] }, context, () => onModels(parts, 'download')(input, context));
  };

/** A hive does not know how its queen calls it. */
const named = <Result extends object>(result: Result, hive: string): Result =>
  'hive' in result ? { ...result, hive } : result;

export const modelOf = async (fleet: Fleet, hive: string, model: string): Promise<ModelDetails> =>
  named(await fleet.online(hive).connection.client.modelGet(model), hive);

export const listModels =
  ({ fleet }: Parts): Handler<'model_list'> =>
  ({ hive }, { signal }) =>
    modelsOf(fleet, hive, signal);

export const modelsOf = async (
  fleet: Fleet,
  hive: string | undefined,
  signal?: AbortSignal,
): Promise<ModelResults['list']> => {
  const members =
    hive === undefined ? [...fleet.members()].filter(({ status }) => status === 'online') : [fleet.online(hive)];
  const lists = await Promise.all(
    members.map(async ({ connection: { alias, client } }) => {
      const { models } = await client.modelList(signal);
      return models.map((model) => named(model, alias));
    }),
  );
  return { models: lists.flat() };
};
