/**
 * Plugins: the hive does it, or, where it is on another machine, the queen builds them here and brings them to it. A
 * person is asked whether a publisher may be let in.
 */
import { localAlias } from '../../config/hive-entry.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import { wantedDelivery } from '../../registry/install/wanted-delivery.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { confirmPublisher } from '../provision/confirm-publisher.ts';
import type { Handler, Parts } from './parts.ts';

export const onPlugins =
  <Action extends PluginAction>({ fleet }: Parts, action: Action) =>
  async (input: PluginRequestOf<Action> & { hive?: string }, context: JobContext): Promise<PluginResults[Action]> => {
    const { hive = localAlias, ...request } = input;
    const { client } = fleet.online(hive).connection;
    return client.plugins(action, request as PluginRequestOf<Action>, context);
  };

/** What only a registry can tell is asked for here: other hives never ask one. */
export const askAboutPlugins = <Action extends 'inspect' | 'search'>(parts: Parts, action: Action) => {
  const onHive = onPlugins(parts, action);
  return async (
    input: PluginRequestOf<Action> & { hive?: string },
    context: JobContext,
  ): Promise<PluginResults[Action]> => {
    try {
      return await onHive(input, context);
    } catch (error) {
      if (wantedDelivery(error) === null) throw error;
      return onHive({ ...input, hive: localAlias }, context);
    }
  };
};

export const installPlugin =
  (parts: Parts): Handler<'worker_install'> =>
  async ({ hive = localAlias, ask = true, ...request }, given) => {
    const context = ask ? given : { ...given, ask: async () => 'no' };
    if (parts.provision.isRemote(hive)) return broughtTo(parts, hive, request, context);
    const { client } = parts.fleet.online(hive).connection;
    try {
      return await client.plugins('install', request, context);
    } catch (error) {
      const accepted = await confirmPublisher(error, context.ask);
      return client.plugins('install', { ...request, accepted }, context);
    }
  };

export const updatePlugins =
  (parts: Parts): Handler<'worker_update'> =>
  async (input, context) => {
    const { hive = localAlias, plugins, offline, dryRun } = input;
    const { provision } = parts;
    if (!provision.isRemote(hive)) return onPlugins(parts, 'update')(input, context);
    if (input.scripts) throw scriptsElsewhere(hive);
    const there = (await listed(parts, hive, context)).filter(({ source }) => source === 'installed');
    const unknown = plugins?.find((one) => !there.some((plugin) => isNamed(plugin, one)));
    if (unknown !== undefined) {
      throw RbeeError.of('NOT_INSTALLED', { name: unknown, known: there.map(({ name }) => name).join(', ') || 'none' });
    }
    const updates: PluginUpdate[] = [];
    for (const plugin of there.filter((one) => plugins?.some((name) => isNamed(one, name)) ?? true)) {
      const { name, version: from } = plugin;
      // The list comes from the hive: what nobody named here, and this queen never brought, is not fetched for it.
      if (!plugins?.includes(name) && !(await provision.knows(name))) {
        updates.push({ name, from, to: from, changed: false, note: 'it was not installed by this queen; name it' });
        continue;
      }
      const { version: to } = await provision.resolve(name, { offline, update: true, signal: context.signal });
      const changed = to !== from;
      if (changed && !dryRun) {
        for (const variant of plugin.installed) {
          await provision.bring(hive, { plugin: name, version: to, variant, offline }, context);
        }
      }
      updates.push({ name, from, to, changed, ...(!changed && { note: 'it is up to date' }) });
    }
    return { updates };
  };

export const linkPlugin =
  (parts: Parts): Handler<'worker_link'> =>
  async (input, context) => {
    const { hive = localAlias, folder } = input;
    if (!parts.provision.isRemote(hive)) return onPlugins(parts, 'link')(input, context);
    throw RbeeError.of('INVALID_INPUT', {
      what: `linking ${folder} on hive ${hive}`,
      problem: 'the folder is on another machine',
      hint: `link it here with rbee plugins link ${folder}; what hive ${hive} needs of it is brought there`,
    });
  };

const broughtTo = async (
  parts: Parts,
  hive: string,
  request: PluginRequestOf<'install'>,
  context: JobContext,
): Promise<PluginView> => {
  parts.fleet.online(hive);
  const before = await listed(parts, hive, context);
  const { plugin, variant, offline, yes, accepted, force, scripts } = request;
  if (scripts) throw scriptsElsewhere(hive);
  const { name } = await parts.provision.bring(hive, { plugin, variant, offline, yes, accepted, force }, context);
  const view = (await listed(parts, hive, context)).find((one) => one.name === name);
  if (!view) throw RbeeError.of('NOT_INSTALLED', { name, known: before.map((one) => one.name).join(', ') || 'none' });
  const same = (one: PluginView) => one.integrity === view.integrity && one.installed.length === view.installed.length;
  return { ...view, changed: !before.some(same) };
};

/** They would run on this machine, and make what is right for this one. */
const scriptsElsewhere = (hive: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: 'scripts',
    problem: `what goes to hive ${hive} is put together on this machine, where no install script runs for another one`,
    hint: 'leave out --allow-scripts',
  });

const listed = async ({ fleet }: Parts, hive: string, context: JobContext): Promise<readonly PluginView[]> =>
  (await fleet.online(hive).connection.client.plugins('list', {}, context)).plugins;

const isNamed = ({ name, types }: PluginView, wanted: string): boolean => name === wanted || types.includes(wanted);
