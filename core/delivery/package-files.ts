/** The files of a package that it runs with, as entries of an archive. */
import { lstat, readdir, readlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { PackEntry } from '../archives/pack.ts';
import { RbeeError } from '../contract/errors.ts';

export interface PackageFilesOptions {
  /** Its name, for errors. */
  name: string;
  /** Where it goes in the archive. */
  place: string;
  /** Is a file or folder wanted, by its path in the package? All when absent. */
  wants?: (path: string, isFolder: boolean) => boolean;
}

/** All below `folder` but its own `node_modules`. Errors: PACKAGE_REFUSED where a link leads out of it. */
export const packageFiles = async (folder: string, options: PackageFilesOptions): Promise<PackEntry[]> => {
  const { name, place, wants = () => true } = options;
  const entries: PackEntry[] = [];
  const add = async (path: string): Promise<void> => {
    const file = join(folder, path);
    const found = await lstat(file);
    if (!wants(path, found.isDirectory())) return;
    if (found.isDirectory()) for (const inner of await readdir(file)) await addInner(join(path, inner));
    else if (found.isSymbolicLink()) entries.push(await linkEntry(path, file));
    else if (found.isFile())
      entries.push({ path: join(place, path), kind: 'file', file, executable: (found.mode & 0o100) !== 0 });
  };
  const addInner = async (path: string): Promise<void> => {
    if (path !== 'node_modules') await add(path);
  };
  const linkEntry = async (path: string, file: string): Promise<PackEntry> => {
    const target = await readlink(file);
    const to = resolve(dirname(file), target);
    if (to.startsWith(folder + sep))
      return { path: join(place, path), kind: 'link', target: relative(dirname(file), to) };
    throw RbeeError.of('PACKAGE_REFUSED', { package: name, problem: `the link ${path} leads out of it, to ${target}` });
  };
  for (const inner of await readdir(folder)) await addInner(inner);
  return entries;
};

/** Folders of a package that nothing of it runs from. */
const idle = new Set([
  'test',
  'tests',
  '__tests__',
  'docs',
  'doc',
  'example',
  'examples',
  'benchmark',
  'benchmarks',
  'man',
]);

/** Not what only people and compilers read. Licences stay. */
export const isRunWith = (path: string, isFolder: boolean): boolean => {
  if (path.startsWith('.')) return false;
  if (isFolder) return !idle.has(path);
  if (/(^|\/)(licen[cs]e|notice|copying)/i.test(path)) return true;
  // Node does not run TypeScript from a package.
  return !/\.(map|[cm]?tsx?|md|markdown|flow|tsbuildinfo)$/i.test(path);
};
