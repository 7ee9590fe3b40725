/** Resolves links, and makes sure that a path inside a folder is inside it on disk as well. */
import { realpath } from 'node:fs/promises';
import { insideFolder, isWithin, pathRefused } from '../../contract/safe-path.ts';

/**
 * The real path of `words` below `folder`. It must exist, and no link may lead out of the folder. Use only the returned
 * path afterwards: the links on another path may change. Throws PATH_REFUSED, or the error of the file system.
 */
export const realInside = async (folder: string, words: string): Promise<string> => {
  const [home, path] = await Promise.all([realpath(folder), realpath(insideFolder(folder, words))]);
  if (!isWithin(home, path)) throw pathRefused(folder, words, `it is a link to ${path}`);
  return path;
};
