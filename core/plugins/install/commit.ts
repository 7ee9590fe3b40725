/** The last step of an installation: finished trees move into the store, and lock and index name them. */
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

/** A tree that is whole, where it was made. */
export interface FinishedTree {
  /** Variants that run from it. */
  variants: readonly string[];
  folder: string;
  /** Path of the plugin's own package in it. */
  inner: string;
}

export interface Finished {
  found: IdentifiedPackage;
  /** What updates will follow. */
  tag: string | undefined;
  trees: readonly FinishedTree[];
  /** Were the install scripts of the packages run in them? */
  scripts: boolean;
  target: TreeTarget;
  /** For rbee.lock; null where it is kept elsewhere. */
  locked: readonly LockedVariant[] | null;
  /** Although it is there, or its type is offered by another one. */
  force: boolean;
  /** Worker types that it brings. */
  workerTypes: PluginManifest['workerTypes'];
}

/** What is named is there: trees first, then the lock, then the index. Errors: PLUGIN_CONFLICT, DEVICE_KIND_CONFLICT, STATE_UNWRITABLE. */
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
      // What a worker runs from is never replaced under it.
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

/** With what the lock says of other variants of the same package. */
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

/** Does the lock mean this very package? */
export const isLocked = (
  locked: LockedPlugin,
  { name, version, integrity }: Pick<FoundPackage, 'name' | 'version' | 'integrity'>,
): boolean => locked.name === name && locked.version === version && locked.integrity === integrity;
