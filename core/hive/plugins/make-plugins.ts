/** The plugins of a hive, put together. What installs them is loaded when something is first to be installed. */
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import type { Installer } from '../../registry/install/installer.ts';
import type { WorkerTypes } from '../../registry/worker-types.ts';
import type { Machine } from '../machine.ts';
import type { Workers } from '../workers/workers.ts';
import { Inspection } from './inspect.ts';
import { Plugins } from './plugins.ts';
import { ProgramCollection } from './program-collection.ts';
import { rootsInUse } from './roots-in-use.ts';
import { bestVariant } from './variant-fit.ts';

export interface PluginParts {
  hive: string;
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  types: WorkerTypes;
  machine: Machine;
  workers: () => Workers;
}

export interface HivePlugins {
  plugins: Plugins;
  close(): void;
}

export const makePlugins = ({ paths, config, env, types, machine, workers, hive }: PluginParts): HivePlugins => {
  let made: Promise<Installer> | undefined;
  let installer: Installer | undefined;
  const load = async (): Promise<Installer> => {
    const { Installer } = await import('../../registry/install/installer.ts');
    installer = new Installer({
      hive,
      data: paths.data,
      config: paths.config,
      cache: paths.cache,
      env,
      registry: config.registry,
      target: async () => (await machine.facts()).host.platform,
      chooseVariant: async ([first], narrate) => {
        if (!first) throw new Error('a plugin without worker types was let in');
        const { devices, host } = await machine.facts();
        return bestVariant(first, { ...host, devices, probes: {} }, narrate);
      },
      rootsInUse: () => rootsInUse(paths.runs),
      // The code of a linked folder may have changed under the same version.
      onChange: () => types.refresh({ anew: true }),
    });
    return installer;
  };
  const plugins = new Plugins({
    hive,
    types,
    workers,
    inspection: new Inspection({ data: paths.data, types, machine }),
    programs: new ProgramCollection({
      folders: { data: paths.data, cache: paths.cache },
      runs: paths.runs,
      env,
      types,
      machine,
    }),
    installer: () => {
      made ??= load();
      return made;
    },
  });
  return { plugins, close: () => installer?.close() };
};
