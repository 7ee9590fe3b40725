/** The last step of an installation: moves finished trees into the store and records them in lock and index. */
import { join } from 'node:path';
import type { PluginManifest } from '../../worker-types/manifest.ts';
import { refuseClash } from '../clash.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';
import { changeLock, type LockedPlugin, type LockedVariant, readLock } from '../lock-file.ts';
import type { IndexEntry } from '../plugin-index.ts';
import { changeIndex, moveIntoPlace, variantFolder, versionFolder } from '../store.ts';
import type { TreeTarget } from '../tree/npm-tree.ts';
import type { StoreOptions } from './installer-options.ts';
import { type IdentifiedPackage, indexEntryOf } from './view.ts';

/** A complete tree in its staging folder. */
export interface FinishedTree {
  /** Variants that share it. */
  variants: readonly string[];
  folder: string;
  /** Path of the plugin's own package inside it. */
  inner: string;
}

export interface Finished {
  found: IdentifiedPackage;
  /** Range or tag that updates follow. */
  tag: string | undefined;
  trees: readonly FinishedTree[];
  /** Whether the packages' install scripts were run. */
  scripts: boolean;
  target: TreeTarget;
  /** Entry for rbee.lock; null if the queen maintains that file. */
  locked: readonly LockedVariant[] | null;
  /** Replace an existing installation, or another plugin of the same type. */
  force: boolean;
  /** Its worker types. */
  workerTypes: PluginManifest['workerTypes'];
}

/** Writes trees first, then the lock, then the index, so that the index never names a missing folder. Errors: PLUGIN_CONFLICT, DEVICE_KIND_CONFLICT, STATE_UNWRITABLE. */
export const commit = async (
  { found, tag, trees, scripts, target, locked, force, workerTypes }: Finished,
  { data, config, rootsInUse }: Pick<StoreOptions, 'data' | 'config' | 'rootsInUse'>,
): Promise<IndexEntry> => {
  const version = versionFolder(data, found.name, found.version, found.integrity);
  const used = await rootsInUse();
  return changeIndex(data, async (entries) => {
    if (!force) await refuseClash(data, { package: found.name, workerTypes });
    const variants: Record<string, string> = {};
    for (const tree of trees) {
      const place = variantFolder(version, tree.variants[0] ?? 'any', target, scripts);
      const root = join(place, tree.inner);
      // Never replace a tree that a worker is running from.
      await moveIntoPlace(tree.folder, place, force && !used.includes(root));
      for (const variant of tree.variants) variants[variant] = root;
    }
    const before = entries.find(({ name }) => name === found.name);
    const entry = indexEntryOf({ found, tag, variants, scripts, before });
    if (found.registry !== null && locked) {
      await changeLock(config, found.name, await lockedPlugin(found, tag, locked, config));
    }
    return { entries: [...entries.filter(({ name }) => name !== found.name), entry], result: entry };
  });
};

/** Keeps the lock's data about other variants of the same package. */
export const lockedPlugin = async (
  found: IdentifiedPackage,
  tag: string | undefined,
  locked: readonly LockedVariant[],
  config: string,
): Promise<LockedPlugin> => {
  const { name, version, integrity } = found;
  const old = (await readLock(config)).find((one) => isLocked(one, found));
  const others = (old?.variants ?? []).filter(
    ({ id, platform }) => !locked.some((one) => one.id === id && one.platform === platform),
  );
  return { name, version, integrity, ...(tag !== undefined && { requested: tag }), variants: [...others, ...locked] };
};

/** Whether the lock refers to exactly this package. */
export const isLocked = (
  locked: LockedPlugin,
  { name, version, integrity }: Pick<FoundPackage, 'name' | 'version' | 'integrity'>,
): boolean => locked.name === name && locked.version === version && locked.integrity === integrity;
