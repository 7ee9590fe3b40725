/**
 * Determines the folders that a plugin's code may read during evaluation, and checks that no link in them leads
 * elsewhere. Node's permission model (26.10) checks the path passed to a file function, then follows symbolic links
 * anywhere; only its module loader resolves links first. A list of real paths is therefore not enough, and such links
 * are refused here. The code cannot create links later, because it cannot write.
 *
 * All its folders are read each time its process starts: 2 ms for an ordinary plugin, 50 to 80 ms for 4,000 folders.
 */
import type { Dirent } from 'node:fs';
import { readdir, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { isWithin } from '../contract/safe-path.ts';
import { dependenciesOf, manifestOf } from './plugin-dependencies.ts';

/**
 * Real paths: the plugin's folder in `root`, the packages installed with it, and those of its declared dependencies
 * that are linked. Errors: PLUGIN_INVALID with the link that leads elsewhere.
 */
export const foldersOf = async (plugin: string, root: string): Promise<string[]> => {
  const place = await realpath(root);
  const folders = treeOf(place);
  // Linked through a workspace's node_modules: its imports resolve next to that link, not next to the plugin itself.
  if (place !== resolve(root) && packagesAround(root) !== null) folders.push(...(await dependenciesOf(place)));
  let dependencies: readonly string[] | undefined;
  // Grows during the loop by linked dependencies.
  for (const folder of folders) {
    for await (const link of linksIn(folder)) {
      const to = await leadsTo(link);
      if (folders.some((one) => isWithin(one, to)) || isLeftOut(link, to)) continue;
      dependencies ??= await dependenciesOf(place);
      const dependency = dependencies.find((one) => isWithin(one, to)) ?? (await besideIt(place, link, to));
      if (dependency === undefined) throw leadsOut(plugin, place, link, to);
      folders.push(dependency);
    }
  }
  return folders;
};

/** The plugin's folder, and the packages that were installed next to it, which it may import. */
const treeOf = (place: string): string[] => {
  const packages = packagesAround(place);
  return packages === null ? [place] : [packages];
};

/** The `node_modules` that contains a package. */
const packagesAround = (root: string): string | null => {
  const parent = dirname(root);
  const packages = basename(parent).startsWith('@') ? dirname(parent) : parent;
  return basename(packages) === 'node_modules' ? packages : null;
};

async function* linksIn(folder: string): AsyncGenerator<string> {
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of await entriesOf(at)) {
      if (entry.isDirectory()) folders.push(join(at, entry.name));
      else if (entry.isSymbolicLink()) yield join(at, entry.name);
    }
  }
}

/** Do not skip a folder that cannot be listed: a file with a known name in it could still be read. */
const entriesOf = async (folder: string): Promise<Dirent[]> => {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** A dangling link is treated as its target, which may be created later. */
const leadsTo = async (link: string): Promise<string> => {
  try {
    return await realpath(link);
  } catch {
    return resolve(await realpath(dirname(link)), await readlink(link));
  }
};

/** The empty package that replaces omitted ones in an installed tree; it is next to `node_modules`. */
const isLeftOut = (link: string, to: string): boolean => {
  const at = link.lastIndexOf('/node_modules/');
  return at !== -1 && to === join(link.slice(0, at), 'left-out');
};

/**
 * A plugin in a workspace's `node_modules` is next to links to the workspace's packages. Each must lead to the package
 * that it is named after.
 */
const besideIt = async (place: string, link: string, to: string): Promise<string | undefined> => {
  const packages = packagesAround(place);
  if (packages === null || packagesAround(link) !== packages) return undefined;
  return (await manifestOf(to))?.name === relative(packages, link) ? to : undefined;
};

const leadsOut = (plugin: string, place: string, link: string, to: string): RbeeError =>
  RbeeError.of('PLUGIN_INVALID', {
    plugin,
    problem: `the link ${isWithin(place, link) ? relative(place, link) : link} leads out of it, to ${to}, which is not a declared dependency`,
  });
