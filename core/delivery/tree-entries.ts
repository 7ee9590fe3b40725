/** An installed npm tree as archive entries, without npm's own files. */
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackEntry } from '../archives/pack.ts';

/** npm's metadata, which may contain addresses and tokens. */
const parts = ['node_modules', 'left-out'];

/** `folder`: where the tree was installed. */
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
