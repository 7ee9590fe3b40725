/** Removes unused versions and variants: those that are in neither the index nor a run record. */
import { lstat, readdir, rm } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { treeSize } from '../../programs/tree-size.ts';
import type { IndexEntry } from '../plugin-index.ts';
import { catalogFolder, stagingFolder } from '../store.ts';

export interface Pruned {
  /** Removed folders, relative to the catalog. */
  removed: string[];
  bytes: number;
}

/** Age in milliseconds at which a staging folder is considered left behind by a crash. */
const abandonedMs = 3_600_000;

/**
 * Removes each variant folder that contains no folder of `used`. The caller holds the store's lock. `now` is in
 * milliseconds since 1970. `dryRun` only reports.
 */
export const prune = async (data: string, used: Iterable<string>, now: number, dryRun = false): Promise<Pruned> => {
  const keep = [...used];
  const catalog = catalogFolder(data);
  const pruned: Pruned = { removed: [], bytes: 0 };
  for (const variant of await variantFolders(catalog)) {
    if (keep.some((folder) => folder === variant || folder.startsWith(variant + sep))) continue;
    pruned.bytes += (await treeSize(variant)).bytes;
    pruned.removed.push(variant.slice(catalog.length + 1));
    if (dryRun) continue;
    await rm(variant, { recursive: true, force: true });
    await removeEmpty(dirname(variant), catalog);
  }
  if (!dryRun) await removeAbandoned(stagingFolder(data), now);
  return pruned;
};

/** The folders that the index refers to, including the versions before an update unless `previous` is false. */
export const namedByIndex = (entries: readonly IndexEntry[], previous = true): string[] =>
  entries.flatMap((entry) => [
    entry.root,
    ...Object.values(entry.variants ?? {}),
    ...(previous ? Object.values(entry.previous?.variants ?? {}) : []),
  ]);

/** `<package>/<version>/<variant>`; a scoped package is two folders deep. */
const variantFolders = async (catalog: string): Promise<string[]> => {
  const packages: string[] = [];
  for (const name of await foldersIn(catalog)) {
    if (name.startsWith('.')) continue;
    if (!name.startsWith('@')) packages.push(join(catalog, name));
    else packages.push(...(await foldersIn(join(catalog, name))).map((inner) => join(catalog, name, inner)));
  }
  const found: string[] = [];
  for (const folder of packages) {
    for (const version of await foldersIn(folder)) {
      for (const variant of await foldersIn(join(folder, version))) found.push(join(folder, version, variant));
    }
  }
  return found.sort();
};

const removeAbandoned = async (staging: string, now: number): Promise<void> => {
  for (const name of await foldersIn(staging)) {
    const folder = join(staging, name);
    const { mtimeMs } = await lstat(folder);
    if (now - mtimeMs > abandonedMs) await rm(folder, { recursive: true, force: true });
  }
};

const removeEmpty = async (folder: string, top: string): Promise<void> => {
  for (let one = folder; one !== top && one.startsWith(top); one = dirname(one)) {
    if ((await readdir(one)).length > 0) return;
    await rm(one, { recursive: true });
  }
};

const foldersIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
};
