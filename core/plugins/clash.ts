/** Two plugins that offer the same worker type, or bring the same kind of device. */
import { RbeeError } from '../contract/errors.ts';
import { type PluginManifest, readManifest } from '../worker-types/manifest.ts';
import { locatePlugins } from './plugin-index.ts';

/** Errors: PLUGIN_CONFLICT, DEVICE_KIND_CONFLICT when another package offers one of these types, or brings one of these kinds. */
export const refuseClash = async (
  data: string,
  { package: name, workerTypes }: Pick<PluginManifest, 'package' | 'workerTypes'>,
): Promise<void> => {
  const types = workerTypes.map((type) => type.name);
  const kinds = kindsOf({ workerTypes });
  for (const { root } of await locatePlugins(data)) {
    const other = await readManifest(root).catch(() => null);
    if (!other || other.package === name) continue;
    const type = other.workerTypes.find((one) => types.includes(one.name));
    if (type) throw RbeeError.of('PLUGIN_CONFLICT', { type: type.name, first: other.package, second: name });
    const kind = kindsOf(other).find((one) => kinds.includes(one));
    if (kind !== undefined) throw RbeeError.of('DEVICE_KIND_CONFLICT', { kind, first: other.package, second: name });
  }
};

const kindsOf = ({ workerTypes }: Pick<PluginManifest, 'workerTypes'>): string[] =>
  workerTypes.flatMap(({ devices = [] }) => devices);
