/** The last step of an installation: finished trees move into the store, and lock and index name them. */
import type { IndexEntry } from '../plugin-index.ts';
import { refuseClash } from './clash.ts';
import type { FoundPackage } from './fetch-calls.ts';
import type { InstallerOptions, InstallRequest } from './installer-options.ts';
import { changeLock, type LockedPlugin, type LockedVariant, readLock } from './lock-file.ts';
import type { TreeTarget } from './npm-tree.ts';
import { stagedTree, type TreeGroup } from './stage.ts';
import { changeIndex, moveIntoPlace, packageFolder, variantFolder, versionFolder } from './store.ts';
import { indexEntryOf } from './view.ts';

export interface Finished {
  found: FoundPackage;
  /** What updates will follow. */
  tag: string | undefined;
  groups: readonly TreeGroup[];
  staging: string;
  target: TreeTarget;
  locked: readonly LockedVariant[];
  request: InstallRequest;
  /** Worker types that it brings. */
  types: readonly string[];
}

/** What is named is there: trees first, then the lock, then the index. Errors: PLUGIN_CLASH, STATE_UNWRITABLE. */
export const commit = async (
  { found, tag, groups, staging, target, locked, request, types }: Finished,
  { data, config, rootsInUse }: Pick<InstallerOptions, 'data' | 'config' | 'rootsInUse'>,
): Promise<IndexEntry> => {
  const version = versionFolder(data, found.name, found.version, found.integrity);
  const used = await rootsInUse();
  return changeIndex(data, async (entries) => {
    if (!request.force) await refuseClash(data, found.name, types);
    const variants: Record<string, string> = {};
    for (const group of groups) {
      const place = variantFolder(version, group.variants[0] ?? 'any', target);
      const root = packageFolder(place, found.name);
      // What a worker runs from is never replaced under it.
      await moveIntoPlace(stagedTree(staging, group), place, request.force === true && !used.includes(root));
      for (const variant of group.variants) variants[variant] = root;
    }
    const before = entries.find(({ name }) => name === found.name);
    const entry = indexEntryOf({ found, tag, variants, before });
    if (found.registry !== null) await changeLock(config, found.name, await lockedPlugin(found, tag, locked, config));
    return { entries: [...entries.filter(({ name }) => name !== found.name), entry], result: entry };
  });
};

/** With what the lock says of other variants of the same package. */
const lockedPlugin = async (
  found: FoundPackage,
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
export const isLocked = (locked: LockedPlugin, { name, version, integrity }: FoundPackage): boolean =>
  locked.name === name && locked.version === version && locked.integrity === integrity;
