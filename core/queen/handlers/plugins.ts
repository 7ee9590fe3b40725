/**
 * Plugins: the hive does it, or, where it is on another machine, the queen builds them here and brings them to it. A
 * person is asked whether a publisher may be let in.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import { wantedDelivery } from '../../registry/install/wanted-delivery.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { localAlias } from '../local-hive.ts';
import type { Machines } from '../machines/machines.ts';
import { letInByPerson } from './let-in.ts';
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
    const machines = machinesOf(parts, hive);
    if (machines) return broughtTo(parts, machines, hive, request, context);
    const { client } = parts.fleet.online(hive).connection;
    try {
      return await client.plugins('install', request, context);
    } catch (error) {
      const accepted = await letInByPerson(error, context.ask);
      return client.plugins('install', { ...request, accepted }, context);
    }
  };

export const updatePlugins =
  (parts: Parts): Handler<'worker_update'> =>
  async (input, context) => {
    const { hive = localAlias, plugins, offline, dryRun } = input;
    const machines = machinesOf(parts, hive);
    if (!machines) return onPlugins(parts, 'update')(input, context);
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
      if (!plugins?.includes(name) && !(await machines.knows(name))) {
        updates.push({ name, from, to: from, changed: false, note: 'it was not installed by this queen; name it' });
        continue;
      }
      const { version: to } = await machines.resolve(name, { offline, update: true }, context);
      const changed = to !== from;
      if (changed && !dryRun) {
        for (const variant of plugin.installed) {
          await machines.bring(hive, { plugin: name, version: to, variant, offline }, context);
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
    if (!machinesOf(parts, hive)) return onPlugins(parts, 'link')(input, context);
    throw RbeeError.of('INVALID_INPUT', {
      what: `linking ${folder} on hive ${hive}`,
      problem: 'the folder is on another machine',
      hint: `link it here with rbee plugins link ${folder}; what hive ${hive} needs of it is brought there`,
    });
  };

/**
 * Runs `work`. What the hive lacks for it is installed first, on another machine by the queen: the hive only hints at what
 * it lacks, and `type`, this machine's plugins and rbee.lock decide what is brought. A person is asked about an unknown
 * publisher only where this machine has found the package: here, or in `bring`.
 */
export const withPlugins = async <Result>(
  parts: Pick<Parts, 'fleet' | 'machines'>,
  { hive, type }: { hive: string; type: string },
  context: JobContext,
  work: () => Promise<Result>,
): Promise<Result> => {
  const machines = machinesOf(parts, hive);
  // The type first, then the variant that its device needs.
  for (let times = 0; ; times += 1) {
    try {
      return await work();
    } catch (error) {
      if (times >= (machines ? 2 : 1)) throw error;
      if (machines) {
        const wanted = wantedDelivery(error);
        if (!wanted) throw error;
        await machines.bring(hive, { ...wanted, type }, context);
      } else {
        const accepted = await letInByPerson(error, context.ask);
        await parts.fleet.online(hive).connection.client.plugins('install', { plugin: type, accepted }, context);
      }
    }
  }
};

const machinesOf = ({ machines }: Pick<Parts, 'machines'>, hive: string): Machines | undefined =>
  machines?.has(hive) ? machines : undefined;

const broughtTo = async (
  parts: Parts,
  machines: Machines,
  hive: string,
  request: PluginRequestOf<'install'>,
  context: JobContext,
): Promise<PluginView> => {
  parts.fleet.online(hive);
  const before = await listed(parts, hive, context);
  const { plugin, variant, offline, yes, accepted, force, scripts } = request;
  if (scripts) throw scriptsElsewhere(hive);
  const { name } = await machines.bring(hive, { plugin, variant, offline, yes, accepted, force }, context);
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
