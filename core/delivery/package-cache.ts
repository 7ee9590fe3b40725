/** Caches packages from a registry by their integrity, so that they can be delivered again offline. */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../lifecycle/fs/file-kind.ts';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import { inOwnFolder } from './own-folder.ts';
import { readRecord, writeRecord } from './record.ts';

export interface CachedPackage {
  found: FoundPackage;
  /** Folder of the package, as it was unpacked. */
  folder: string;
}

/** Null if it is not cached. */
export const cachedPackage = async (cache: string, name: string, integrity: string): Promise<CachedPackage | null> => {
  const place = placeOf(cache, name, integrity);
  const found = await readRecord<FoundPackage>(join(place, 'found.json'));
  return found?.integrity === integrity ? { found, folder: join(place, 'package') } : null;
};

/** `unpack` must put the package into the subfolder `package` of the folder that it receives. */
export const keepPackage = async (
  cache: string,
  found: FoundPackage,
  unpack: (folder: string) => Promise<unknown>,
): Promise<CachedPackage> => {
  const place = placeOf(cache, found.name, found.integrity);
  return inOwnFolder(join(cache, 'packages'), async (own) => {
    const made = join(own, 'made');
    await mkdir(made, { mode: 0o700 });
    await unpack(made);
    await rm(join(made, 'package.tgz'), { force: true });
    await writeRecord(join(made, 'found.json'), found);
    // Another process may have been faster; its result is identical.
    await rename(made, place).catch(async (error) => {
      if (!(await exists(join(place, 'found.json')))) throw error;
    });
    return { found, folder: join(place, 'package') };
  });
};

const placeOf = (cache: string, name: string, integrity: string): string =>
  join(cache, 'packages', createHash('sha256').update(`${name} ${integrity}`).digest('hex').slice(0, 24));
