/** Finds the largest package among those that npm installed side by side. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TreeSize, treeSize } from '../../programs/tree-size.ts';

export interface SizedPackage {
  name: string;
  size: TreeSize;
}

/** `folder` is a `node_modules`. A package's size includes the packages nested in it. */
export const largestPackage = async (folder: string): Promise<SizedPackage> => {
  let largest: SizedPackage = { name: 'none', size: { bytes: 0, files: 0 } };
  for (const name of await packagesIn(folder)) {
    const size = await treeSize(join(folder, name));
    const isLarger = size.bytes > largest.size.bytes || largest.name === 'none';
    if (isLarger) largest = { name, size };
  }
  return largest;
};

const packagesIn = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder).catch(() => []);
  const nested = names.map(async (name) => {
    if (!name.startsWith('@')) return name.startsWith('.') ? [] : [name];
    return (await readdir(join(folder, name)).catch(() => [])).map((inner) => `${name}/${inner}`);
  });
  return (await Promise.all(nested)).flat();
};
