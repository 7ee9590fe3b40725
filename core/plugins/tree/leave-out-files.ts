/** Removes from a staged tree, in every copy of a package, the files that a variant leaves out. */

import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSafePath } from '../../contract/safe-path.ts';
import type { TreePlan } from './stage-root.ts';

/** `folder` contains `node_modules`. Nothing outside the named packages is touched, even through links. */
export const leaveOutFiles = async (folder: string, files: TreePlan['leaveOutFiles']): Promise<void> => {
  if (Object.keys(files).length === 0) return;
  for await (const { name, root } of packagesIn(join(folder, 'node_modules'))) {
    for (const path of Object.hasOwn(files, name) ? (files[name] ?? []) : []) await removeInside(root, path);
  }
};

interface Package {
  name: string;
  root: string;
}

/** Packages of a `node_modules` under their import names, each before the ones nested in it. */
async function* packagesIn(modules: string, scope = ''): AsyncGenerator<Package> {
  for (const entry of await foldersIn(modules)) {
    const root = join(modules, entry);
    if (scope === '' && entry.startsWith('@')) {
      yield* packagesIn(root, `${entry}/`);
      continue;
    }
    yield { name: scope + entry, root };
    yield* packagesIn(join(root, 'node_modules'));
  }
}

/** Skips links: they stand for packages that were left out entirely. */
const foldersIn = async (folder: string): Promise<string[]> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
};

const removeInside = async (root: string, path: string): Promise<void> => {
  // The path was validated on input; check again, because removal cannot be undone.
  if (!isSafePath(path)) return;
  const above = path.split('/').slice(0, -1);
  for (const [index] of above.entries()) {
    const found = await lstat(join(root, ...above.slice(0, index + 1))).catch(() => null);
    if (!found?.isDirectory()) return;
  }
  await rm(join(root, path), { recursive: true, force: true, maxRetries: 3 });
};
