/** Two plugins that offer the same worker type. */
import { RbeeError } from '../../contract/errors.ts';
import { readManifest } from '../manifest.ts';
import { locatePlugins } from '../plugin-index.ts';

/** Errors: PLUGIN_CLASH when another package than `name` offers one of these types. */
export const refuseClash = async (data: string, name: string, types: readonly string[]): Promise<void> => {
  for (const { root } of await locatePlugins(data)) {
    const other = await readManifest(root).catch(() => null);
    if (!other || other.package === name) continue;
    const type = other.workerTypes.find((one) => types.includes(one.name));
    if (type) throw RbeeError.of('PLUGIN_CLASH', { type: type.name, first: other.package, second: name });
  }
};
