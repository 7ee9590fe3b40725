/**
 * By its looks, whether the folder of a plugin has changed: name, size and times of its files, and of the linked packages
 * that it depends on. What was installed under `node_modules` is left out: it is not edited there.
 */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { linkedDependenciesOf } from './plugin-dependencies.ts';

/** Folders that hold no code of the plugin's own. */
const skipped = new Set(['node_modules', '.git']);

/** Two answers are equal as long as nothing has changed. Never throws: a folder that is not there has looks too. */
export const looksOf = async (root: string): Promise<string> => {
  const place = await realpath(root).catch(() => root);
  const hash = createHash('sha256');
  for (const folder of [place, ...(await linkedDependenciesOf(place))]) {
    for (const line of (await linesOf(folder)).sort()) hash.update(line);
  }
  return hash.digest('hex').slice(0, 16);
};

const linesOf = async (folder: string): Promise<string[]> => {
  const lines: Promise<string>[] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of await entriesOf(at)) {
      const path = join(at, entry.name);
      if (!entry.isDirectory()) lines.push(lineOf(path));
      else if (!skipped.has(entry.name)) folders.push(path);
    }
  }
  return Promise.all(lines);
};

const entriesOf = (folder: string): Promise<Dirent[]> => readdir(folder, { withFileTypes: true }).catch(() => []);

/** `ctime` also tells of an edit that puts the time of the file back. */
const lineOf = async (path: string): Promise<string> => {
  const found = await stat(path).catch(() => null);
  return JSON.stringify([path, found && [found.ino, found.size, found.mtimeMs, found.ctimeMs]]);
};
