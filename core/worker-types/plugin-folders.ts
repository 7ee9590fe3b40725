/**
 * Which folders the code of a plugin may read while it is evaluated, and that no link in them leads anywhere else. Node's
 * permission model (26.10) compares the path that a file function is given, and then follows symbolic links wherever they
 * lead; only its module loader resolves links first. So a list of real paths is not enough, and links are refused here.
 * The code cannot make links afterwards, since it may not write.
 *
 * All of its folders are read each time its process starts: 2 ms for an ordinary plugin, 50 to 80 ms for 4,000 folders.
 */
import type { Dirent } from 'node:fs';
import { readdir, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { isWithin } from '../contract/safe-path.ts';
import { dependenciesOf, manifestOf } from './plugin-dependencies.ts';

/**
 * Real paths: the folder of the plugin in `root`, the packages that were installed with it, and those of its declared
 * dependencies that links lead to. Errors: PLUGIN_INVALID, which names the link that leads elsewhere.
 */
export const foldersOf = async (plugin: string, root: string): Promise<string[]> => {
  const place = await realpath(root);
  const folders = treeOf(place);
  // Linked through the node_modules of a workspace: what it imports lies beside that link, not beside the plugin itself.
  if (place !== resolve(root) && packagesAround(root) !== null) folders.push(...(await dependenciesOf(place)));
  let dependencies: readonly string[] | undefined;
  // Grows while it is walked, by the dependencies that links lead to.
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

/** The folder of a plugin, and the packages beside it where it was installed with them: it may import those. */
const treeOf = (place: string): string[] => {
  const packages = packagesAround(place);
  return packages === null ? [place] : [packages];
};

/** The `node_modules` that a package lies in. */
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

/** A folder that cannot be listed is no reason to pass over what is in it: a file of a known name could be read. */
const entriesOf = async (folder: string): Promise<Dirent[]> => {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** A link to nothing counts as what it would lead to: something may be there later. */
const leadsTo = async (link: string): Promise<string> => {
  try {
    return await realpath(link);
  } catch {
    return resolve(await realpath(dirname(link)), await readlink(link));
  }
};

/** The empty package that stands for what an installed tree does without: it lies beside `node_modules`. */
const isLeftOut = (link: string, to: string): boolean => {
  const at = link.lastIndexOf('/node_modules/');
  return at !== -1 && to === join(link.slice(0, at), 'left-out');
};

/**
 * A plugin in the `node_modules` of a workspace lies beside links to the packages of that workspace. Each must lead to
 * the package that it is named for.
 */
const besideIt = async (place: string, link: string, to: string): Promise<string | undefined> => {
  const packages = packagesAround(place);
  if (packages === null || packagesAround(link) !== packages) return undefined;
  return (await manifestOf(to))?.name === relative(packages, link) ? to : undefined;
};

const leadsOut = (plugin: string, place: string, link: string, to: string): RbeeError =>
  RbeeError.of('PLUGIN_INVALID', {
    plugin,
    problem: `the link ${isWithin(place, link) ? relative(place, link) : link} leads out of it, to ${to}, which is no dependency that it declares`,
  });
