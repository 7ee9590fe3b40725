/** A finished tree of packages as entries of an archive: what a machine needs of it, and nothing of how it was made. */
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackEntry } from '../archives/pack.ts';

/** npm's notes, addresses and tokens stay here. */
const parts = ['node_modules', 'left-out'];

/** `folder` is where the tree was made. */
export const treeEntries = async (folder: string): Promise<PackEntry[]> => {
  const entries: PackEntry[] = [];
  const add = async (path: string): Promise<void> => {
    const file = join(folder, path);
    const found = await lstat(file);
    if (found.isDirectory()) for (const inner of await readdir(file)) await add(join(path, inner));
    else if (found.isSymbolicLink()) entries.push({ path, kind: 'link', target: await readlink(file) });
    else if (found.isFile() && path !== join('node_modules', '.package-lock.json'))
      entries.push({ path, kind: 'file', file, executable: (found.mode & 0o100) !== 0 });
  };
  for (const part of await readdir(folder)) if (parts.includes(part)) await add(part);
  return entries;
};
