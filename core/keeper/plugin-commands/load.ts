/** Adds the commands and hooks of plugins to those of rbee. Plugins cannot replace commands of rbee. */
import { Config, Plugin } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';
import type { Paths } from '../../config/paths.ts';
import { printableData } from '../../narration/printable.ts';
import type { DeclaredPlugin } from './declared.ts';
import { type Examination, examinePlugin } from './examine.ts';
import { guardHooks } from './hooks.ts';
import { lendPackages } from './lend-packages.ts';

export interface PluginPlace {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  /** Warns the user about a plugin. */
  warn: (text: string) => void;
}

/** Maximum number of children that load plugins at the same time. */
const atOnce = 4;

/** Returns an oclif configuration with the commands of `config` and of these plugins. */
export const withPlugins = async (
  config: Config,
  plugins: readonly DeclaredPlugin[],
  place: PluginPlace,
): Promise<Config> => {
  settings.enableAutoTranspile = false;
  lendPackages();
  tellFolders(place);
  const all = new Map(config.plugins);
  const taken = new Map<string, string>();
  for (const [plugin, found] of await examineAll(plugins, place)) {
    // Summaries, descriptions and topics become a part of rbee's own help.
    const examination = printableData(found, { multiline: true });
    for (const fault of examination.faults) place.warn(`the plugin ${plugin.name}: ${fault}`);
    if (all.has(plugin.name)) continue;
    const loaded = await loadPlugin(plugin, examination);
    keepNames(loaded, config, taken, place.warn);
    all.set(loaded.name, loaded);
  }
  const { root, pjson } = config.options;
  return guardHooks(
    await Config.load({ root, pjson, devPlugins: false, userPlugins: false, plugins: all }),
    place.warn,
  );
};

const examineAll = async (
  plugins: readonly DeclaredPlugin[],
  { paths, env }: PluginPlace,
): Promise<[DeclaredPlugin, Examination][]> => {
  const results = new Map<DeclaredPlugin, Examination>();
  const queue = plugins.values();
  const work = async (): Promise<void> => {
    for (const plugin of queue) results.set(plugin, await examinePlugin(plugin, { cacheFolder: paths.cache, env }));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return plugins.map((plugin) => [plugin, results.get(plugin) as Examination]);
};

const loadPlugin = async ({ name, root }: DeclaredPlugin, examination: Examination): Promise<Plugin> => {
  const plugin = new Plugin({ name, root, type: 'link' });
  // Without this, oclif would load every command to describe it.
  Object.assign(plugin, { _manifest: async () => examination.manifest });
  await plugin.load();
  plugin.commandIDs = Object.keys(examination.manifest.commands);
  plugin.hooks = Object.fromEntries(
    Object.entries(plugin.hooks).filter(([event]) => examination.hooks.includes(event)),
  );
  return plugin;
};

/** Removes from `plugin` the commands and topics that rbee or an earlier plugin already has. */
const keepNames = (
  plugin: Plugin,
  { commands, topics }: Config,
  taken: Map<string, string>,
  warn: PluginPlace['warn'],
): void => {
  const own = new Set(['help', 'version', ...commands.map(({ id }) => id), ...topics.map(({ name }) => name)]);
  const isFree = (id: string): boolean => !own.has(id) && !taken.has(id);
  plugin.commands = plugin.commands.filter((command) => {
    if (!isFree(command.id)) {
      const whose = taken.get(command.id) ?? 'rbee itself';
      warn(
        `the plugin ${plugin.name}: its command ${command.id.replaceAll(':', ' ')} is ignored, because the name is taken by ${whose}`,
      );
      return false;
    }
    command.aliases = (command.aliases ?? []).filter(isFree);
    command.hiddenAliases = (command.hiddenAliases ?? []).filter(isFree);
    for (const id of [command.id, ...command.aliases, ...command.hiddenAliases]) taken.set(id, plugin.name);
    return true;
  });
  const described = plugin.pjson.oclif.topics;
  if (typeof described !== 'object' || described === null) return;
  const left = Object.entries(printableData(described)).filter(([topic]) => !own.has(topic));
  plugin.pjson.oclif.topics = Object.fromEntries(left);
};

/** By its own rules, oclif would give a plugin other folders than rbee's. */
const tellFolders = ({ paths, env }: PluginPlace): void => {
  Object.assign(env, { RBEE_DATA_DIR: paths.data, RBEE_CONFIG_DIR: paths.config, RBEE_CACHE_DIR: paths.cache });
};
