/** Follows links, so that a path inside a folder is inside it on disk as well. */
import { realpath } from 'node:fs/promises';
import { insideFolder, isWithin, pathRefused } from '../../contract/safe-path.ts';

/**
 * The real path of what `words` names below `folder`. It must exist, and no link may lead out of the folder. Use the
 * returned path from then on: the links of another path may change. Errors: PATH_REFUSED, or that of the file system.
 */
export const realInside = async (folder: string, words: string): Promise<string> => {
  const [home, path] = await Promise.all([realpath(folder), realpath(insideFolder(folder, words))]);
  if (!isWithin(home, path)) throw pathRefused(folder, words, `it is a link to ${path}`);
  return path;
};
