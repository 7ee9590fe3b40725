/**
 * Operations on plugins: the hive performs them, or, for another machine, the queen builds the plugin here and delivers
 * it.
 */
import { localAlias } from '../../config/hive-entry.ts';
import type { CatalogEntry } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { scriptsElsewhere } from '../provision/provision.ts';
import type { Handler, QueenServices } from './services.ts';

export const onPlugins =
  <Action extends PluginAction>({ fleet }: QueenServices, action: Action) =>
  async (input: PluginRequestOf<Action> & { hive?: string }, context: JobContext): Promise<PluginResults[Action]> => {
    const { hive = localAlias, ...request } = input;
    const { client } = fleet.online(hive).connection;
    return client.plugins(action, request as PluginRequestOf<Action>, context);
  };

/** Other machines never use the registry, so this machine asks it for them. */
export const inspectPlugin =
  (services: QueenServices): Handler<'worker_plugin_inspect'> =>
  (input, context) => {
    const { hive = localAlias, plugin } = input;
    const { provision, fleet } = services;
    const isThere = !provision.isRemote(hive) || (fleet.member(hive).state?.catalog ?? []).some(isNamed(plugin));
    return onPlugins(services, 'inspect')(isThere ? input : { ...input, hive: localAlias }, context);
  };

export const searchPlugins =
  (services: QueenServices): Handler<'worker_plugin_search'> =>
  (input, context) => {
    const { hive = localAlias } = input;
    services.fleet.online(hive);
    return onPlugins(services, 'search')(
      services.provision.isRemote(hive) ? { ...input, hive: localAlias } : input,
      context,
    );
  };

export const installPlugin =
  ({ provision }: QueenServices): Handler<'worker_install'> =>
  ({ hive = localAlias, ask = true, ...request }, context) =>
    provision.plugin(hive, request, ask ? context : { ...context, ask: async () => 'no' });

export const updatePlugins =
  (services: QueenServices): Handler<'worker_update'> =>
  async (input, context) => {
    const { hive = localAlias, plugins, offline, dryRun } = input;
    const { provision } = services;
    if (!provision.isRemote(hive)) return onPlugins(services, 'update')(input, context);
    if (input.scripts) throw scriptsElsewhere(hive);
    const there = (await listed(services, hive, context)).filter(({ source }) => source === 'installed');
    const unknown = plugins?.find((one) => !there.some((plugin) => isPlugin(plugin, one)));
    if (unknown !== undefined) {
      throw RbeeError.of('NOT_INSTALLED', { name: unknown, known: there.map(({ name }) => name).join(', ') || 'none' });
    }
    const updates: PluginUpdate[] = [];
    for (const plugin of there.filter((one) => plugins?.some((name) => isPlugin(one, name)) ?? true)) {
      const { name, version: from } = plugin;
      // The list comes from the hive, so it must not decide what the queen downloads: only named plugins, or ones that
      // this queen installed.
      if (!plugins?.includes(name) && !(await provision.knows(name))) {
        updates.push({
          name,
          from,
          to: from,
          changed: false,
          note: 'it was not installed by this queen; name it explicitly',
        });
        continue;
      }
      const { version: to } = await provision.resolve(name, { offline, update: true, signal: context.signal });
      const changed = to !== from;
      if (changed && !dryRun) {
        for (const variant of plugin.installed) {
          await provision.plugin(hive, { plugin: `${name}@${to}`, variant, offline }, context);
        }
      }
      updates.push({ name, from, to, changed, ...(!changed && { note: 'it is up to date' }) });
    }
    return { updates };
  };

export const linkPlugin =
  (services: QueenServices): Handler<'worker_link'> =>
  async (input, context) => {
    const { hive = localAlias, folder } = input;
    if (!services.provision.isRemote(hive)) return onPlugins(services, 'link')(input, context);
    throw RbeeError.of('INVALID_INPUT', {
      what: `linking ${folder} on hive ${hive}`,
      problem: 'the folder is on another machine',
      hint: `link it here with rbee plugins link ${folder}; rbee then copies what hive ${hive} needs`,
    });
  };

const listed = async ({ fleet }: QueenServices, hive: string, context: JobContext): Promise<readonly PluginView[]> =>
  (await fleet.online(hive).connection.client.plugins('list', {}, context)).plugins;

const isNamed =
  (wanted: string) =>
  ({ type, aliases, plugin }: CatalogEntry): boolean =>
    wanted === type || wanted === plugin || aliases.includes(wanted);

const isPlugin = ({ name, types }: PluginView, wanted: string): boolean => name === wanted || types.includes(wanted);
