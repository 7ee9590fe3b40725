/** Plugins: the hive does it, the queen asks the person whether a publisher may be let in. */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginView } from '../../contract/plugins.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveClient } from '../fleet/hive-connection.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { localAlias } from '../local-hive.ts';
import type { Handler, Parts } from './parts.ts';

export const onPlugins =
  <Action extends PluginAction>({ fleet }: Parts, action: Action) =>
  async (input: PluginRequestOf<Action> & { hive?: string }, context: JobContext): Promise<PluginResults[Action]> => {
    const { hive = localAlias, ...request } = input;
    const { client } = fleet.online(hive).connection;
    return client.plugins(action, request as PluginRequestOf<Action>, context);
  };

export const installPlugin =
  ({ fleet }: Parts): Handler<'worker_install'> =>
  ({ hive = localAlias, ask = true, ...request }, context) =>
    installOn(fleet, hive, request, ask ? context : { ...context, ask: async () => 'no' });

const installOn = async (
  fleet: Fleet,
  hive: string,
  request: PluginRequestOf<'install'>,
  context: JobContext,
): Promise<PluginView> => {
  const { client } = fleet.online(hive).connection;
  try {
    return await client.plugins('install', request, context);
  } catch (error) {
    const accepted = await letIn(error, context);
    return client.plugins('install', { ...request, accepted }, context);
  }
};

/** Runs `work`; when it needs a plugin of an unknown publisher, asks, installs it, and runs it once more. */
export const withPlugins = async <Result>(
  client: HiveClient,
  type: string,
  context: JobContext,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    const accepted = await letIn(error, context);
    await client.plugins('install', { plugin: type, accepted }, context);
    return work();
  }
};

/** Asks whether a publisher may be let in; the identity of the package if so, else the error. */
const letIn = async (error: unknown, { ask }: JobContext): Promise<string> => {
  if (!(error instanceof RbeeError) || error.code !== 'PUBLISHER_UNKNOWN') throw error;
  const [identity, ...about] = error.lines;
  if (identity === undefined) throw error;
  const answer = await ask(`${error.message} (${about.join('; ')}). Install it? (yes or no)`, ['yes', 'no']);
  if (answer !== 'yes') throw error;
  return identity;
};
