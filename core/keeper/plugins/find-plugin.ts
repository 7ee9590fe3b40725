/** Finds a plugin by its folder, or an installed one by its package or worker type. */
import { join, resolve } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { isFile } from '../../lifecycle/fs/file-kind.ts';
import { locatePlugins } from '../../plugins/plugin-index.ts';
import { type PluginManifest, readManifest } from '../../worker-types/manifest.ts';

/** Returns its folder. Errors: NOT_INSTALLED. */
export const findPlugin = async (named: string, dataFolder: string, cwd: string): Promise<string> => {
  const folder = resolve(cwd, named);
  if (await isFile(join(folder, 'package.json'))) return folder;
  const installed = await readable(dataFolder);
  const found = installed.find(
    (plugin) =>
      plugin.package === named ||
      plugin.workerTypes.some(({ name, aliases = [] }) => name === named || aliases.includes(named)),
  );
  if (found) return found.root;
  const known = installed.map((plugin) => plugin.package).join(', ') || 'none';
  throw RbeeError.of('NOT_INSTALLED', {
    name: `there is no package.json in ${folder}, and the plugin ${named}`,
    known,
  });
};

/** Those whose manifest can be read. */
const readable = async (dataFolder: string): Promise<PluginManifest[]> => {
  const locations = await locatePlugins(dataFolder);
  const manifests = await Promise.all(locations.map(({ root }) => readManifest(root).catch(() => null)));
  return manifests.filter((manifest) => manifest !== null);
};
