/** Size of a file or folder on disk, even while it is being changed. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface TreeSize {
  /** Sum of the sizes of all files. */
  bytes: number;
  files: number;
}

/** Size of `path` and everything below; zero if it does not exist. */
export const treeSize = async (path: string, signal?: AbortSignal): Promise<TreeSize> => {
  const size: TreeSize = { bytes: 0, files: 0 };
  const folders: string[] = [];
  const add = async (one: string): Promise<void> => {
    const found = await lstat(one).catch(() => null);
    if (found?.isDirectory()) folders.push(one);
    else if (found) {
      size.bytes += found.size;
      size.files += 1;
    }
  };
  await add(path);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal?.throwIfAborted();
    const parent = folder;
    const names = await readdir(parent).catch(() => []);
    await Promise.all(names.map((name) => add(join(parent, name))));
  }
  return size;
};
