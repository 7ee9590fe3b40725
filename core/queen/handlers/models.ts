/** Operations on models: the hive performs them. A list without a hive combines all hives that answer. */
import { localAlias } from '../../config/hive-entry.ts';
import type { ModelAction, ModelDetails, ModelRequestOf, ModelResults } from '../../contract/models.ts';
import type { ModelList } from '../client/results.ts';
import { askEach } from '../fleet/each-hive.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Handler, QueenServices } from './services.ts';

export const onModels =
  <Action extends ModelAction>({ fleet }: QueenServices, action: Action) =>
  async (input: ModelRequestOf<Action> & { hive?: string }, context: JobContext): Promise<ModelResults[Action]> => {
    const { hive = localAlias, ...request } = input;
    const { client } = fleet.online(hive).connection;
    return named(await client.models(action, request as ModelRequestOf<Action>, context), hive);
  };

export const downloadModel =
  ({ provision }: QueenServices): Handler<'model_download'> =>
  async ({ hive = localAlias, ...request }, context) =>
    named(await provision.model(hive, request, context), hive);

/** Adds the alias, because a hive does not know its own. */
const named = <Result extends object>(result: Result, hive: string): Result =>
  'hive' in result ? { ...result, hive } : result;

export const modelOf = async (fleet: Fleet, hive: string, model: string): Promise<ModelDetails> =>
  named(await fleet.online(hive).connection.client.modelGet(model), hive);

export const listModels =
  ({ fleet }: QueenServices): Handler<'model_list'> =>
  async ({ hive }, { signal, narrate }) => {
    const list = await modelsOf(fleet, hive, signal);
    for (const { reason } of list.absent ?? []) narrate({ kind: 'warning', text: `left out: ${reason}` });
    return list;
  };

export const modelsOf = async (fleet: Fleet, hive: string | undefined, signal?: AbortSignal): Promise<ModelList> => {
  const { answers, absent } = await askEach(
    fleet,
    hive,
    async ({ connection: { alias, client } }) =>
      (await client.modelList(signal)).models.map((model) => named(model, alias)),
    signal,
  );
  return { models: answers.flat(), ...(absent.length > 0 && { absent }) };
};
