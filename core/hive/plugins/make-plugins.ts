/** Assembles the plugins of a hive. The installer is loaded when something is first installed. */
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { InstalledPlugins } from '../../plugins/install/installed-plugins.ts';
import type { Installer } from '../../plugins/install/installer.ts';
import type { StoreOptions } from '../../plugins/install/installer-options.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { DownloadCache } from '../../programs/download-cache.ts';
import { bestVariant } from '../../worker-types/variant-fit.ts';
import type { Machine } from '../machine.ts';
import { Programs } from '../programs/programs.ts';
import type { Workers } from '../workers/workers.ts';
import { Inspection } from './inspect.ts';
import { Plugins } from './plugins.ts';
import { ProgramCollection } from './program-collection.ts';
import { rootsInUse } from './roots-in-use.ts';

export interface PluginParts {
  hive: string;
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  /** Whether the queen delivers the plugins. */
  isRemote: boolean;
  /** Downloads programs of engines. */
  fetcher: DownloadCache;
  types: WorkerTypes;
  machine: Machine;
  workers: () => Workers;
}

export interface HivePlugins {
  plugins: Plugins;
  close(): void;
}

export const makePlugins = (parts: PluginParts): HivePlugins => {
  const { paths, config, env, types, machine, workers, hive, isRemote, fetcher } = parts;
  const folders = { data: paths.data, cache: paths.cache };
  const store: StoreOptions = {
    data: paths.data,
    config: paths.config,
    target: async () => (await machine.facts()).host.platform,
    rootsInUse: () => rootsInUse(paths.runs),
    // The code of a linked folder can change without a new version.
    onChange: () => types.refresh({ reload: true }),
  };
  let made: Promise<Installer> | undefined;
  let installer: Installer | undefined;
  const load = async (): Promise<Installer> => {
    const { Installer } = await import('../../plugins/install/installer.ts');
    installer = new Installer({
      ...store,
      hive,
      cache: paths.cache,
      env,
      registry: config.registry,
      chooseVariant: async ([first], narrate) => {
        if (!first) throw new Error('a plugin without worker types was accepted');
        const { devices, host } = await machine.facts();
        return bestVariant(first, { ...host, devices, probes: {} }, narrate);
      },
    });
    return installer;
  };
  const plugins = new Plugins({
    hive,
    types,
    workers,
    inspection: new Inspection({ data: paths.data, types, machine }),
    installed: new InstalledPlugins(store),
    programs: new Programs({ hive, folders, env, types, machine, fetcher }),
    collection: new ProgramCollection({ folders, runs: paths.runs, env, types, machine }),
    installer: isRemote
      ? null
      : () => {
          made ??= load();
          return made;
        },
  });
  return { plugins, close: () => installer?.close() };
};
