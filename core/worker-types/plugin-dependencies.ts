/** Finds the folders of a plugin's dependencies, direct and indirect, as Node resolves them. */
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { isSafePath } from '../contract/safe-path.ts';

/**
 * Their real paths; dependencies that are not installed are skipped. The package.json of a folder must have the
 * expected name: a link in `node_modules` could lead anywhere.
 */
export const dependenciesOf = async (place: string): Promise<readonly string[]> => {
  const seen = new Set([place]);
  const queue = [{ folder: place, declared: declaredBy(await manifestOf(place), place) }];
  for (let asker = queue.shift(); asker !== undefined; asker = queue.shift()) {
    for (const [name, range] of Object.entries(asker.declared)) {
      const there = isSafePath(name) ? await lookUp(name, range, asker.folder) : null;
      if (there === null || seen.has(there.folder)) continue;
      seen.add(there.folder);
      queue.push({ folder: there.folder, declared: declaredBy(there.manifest, there.folder) });
    }
  }
  return [...seen].slice(1);
};

/** Real paths of linked dependencies, direct and indirect, such as packages of the same workspace. */
export const linkedDependenciesOf = async (place: string): Promise<readonly string[]> => {
  const folders = [place];
  // Grows during the loop.
  for (const folder of folders) {
    const { dependencies, optionalDependencies } = (await manifestOf(folder)) ?? {};
    for (const [name, range] of Object.entries({ ...optionalDependencies, ...dependencies })) {
      const there = isSafePath(name) ? await lookUp(name, range, folder) : null;
      if (there && !there.folder.includes('/node_modules/') && !folders.includes(there.folder))
        folders.push(there.folder);
    }
  }
  return folders.slice(1);
};

interface Manifest {
  name?: unknown;
  dependencies?: Record<string, unknown>;
  optionalDependencies?: Record<string, unknown>;
  peerDependencies?: Record<string, unknown>;
  devDependencies?: Record<string, unknown>;
}

/** Includes devDependencies of a folder under development: workspaces link those too. */
const declaredBy = (manifest: Manifest | null, folder: string): Record<string, unknown> => ({
  ...(!folder.includes('/node_modules/') && manifest?.devDependencies),
  ...manifest?.peerDependencies,
  ...manifest?.optionalDependencies,
  ...manifest?.dependencies,
});

/** In the `node_modules` of each folder from `from` upwards. */
const lookUp = async (
  name: string,
  range: unknown,
  from: string,
): Promise<{ folder: string; manifest: Manifest } | null> => {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    const manifest = await manifestOf(folder);
    if (manifest !== null) return isNamed(manifest, name, range) ? { folder: await realpath(folder), manifest } : null;
    if (dirname(at) === at) return null;
  }
};

/** The package of an alias (`npm:other@1`) has the other name. */
const isNamed = ({ name: own }: Manifest, name: string, range: unknown): boolean =>
  own === name || (typeof own === 'string' && typeof range === 'string' && range.startsWith(`npm:${own}@`));

/** The package.json of a folder; null if it has none. */
export const manifestOf = async (folder: string): Promise<Manifest | null> => {
  try {
    const json: unknown = JSON.parse(await readSmallFile(join(folder, 'package.json')));
    return typeof json === 'object' ? (json as Manifest | null) : null;
  } catch {
    return null;
  }
};
