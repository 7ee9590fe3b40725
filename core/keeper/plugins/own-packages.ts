/**
 * Provides a new plugin with the rbee packages that it declares, so that `npm install` works wherever this rbee came from:
 * links those that no registry has to this checkout or installation. npm keeps a link whose version matches, and the
 * package.json of the plugin stays as its author will publish it.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../config/version.ts';

export interface OwnPackages {
  /** Folders of this machine, by package. */
  linked: Record<string, string>;
  /** Neither a registry nor this machine has them: `npm install` will fail. */
  missing: string[];
  /** The checkout that the links point to, if it must be built first. */
  unbuilt?: string;
}

export interface OwnPackagesContext {
  /** `[registry] url` of rbee.conf, which npm does not read. */
  registry: string | null;
  /** Folder of the running package, and so of the checkout around it. */
  root?: string;
  /** Whether the registry that npm uses in this folder has such a version. */
  isPublished: (spec: string, folder: string) => Promise<boolean>;
}

/** A package that is not found is not an error: the plugin is created, and the output names the missing package. */
export const provideOwnPackages = async (
  folder: string,
  { registry, root = packageRoot(), isPublished }: OwnPackagesContext,
): Promise<OwnPackages> => {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const wanted: [string, string][] = Object.entries({ ...dependencies, ...devDependencies });
  const own = wanted.filter(([name]) => name.startsWith('@rbee/'));
  const workspace = await checkoutAround(root);
  if (workspace === null && registry !== null) await writeFile(join(folder, '.npmrc'), `@rbee:registry=${registry}\n`);
  const found: OwnPackages = { linked: {}, missing: [] };
  for (const [name, range] of own) {
    if (workspace === null && (await isPublished(`${name}@${range}`, folder))) continue;
    const place = workspace === null ? await installedPlace(name, root) : await placeIn(workspace, name);
    if (place === null) {
      found.missing.push(name);
      continue;
    }
    found.linked[name] = place;
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(place, link, 'junction');
  }
  if (workspace !== null && !existsSync(join(root, 'dist', 'conformance'))) found.unbuilt = workspace;
  return found;
};

/** The workspace that contains the running package; null in an installed rbee. */
export const checkoutAround = async (root: string): Promise<string | null> => {
  const workspace = dirname(root);
  return (await nameOf(workspace)) === 'rbee-workspace' ? workspace : null;
};

const placeIn = async (folder: string, name: string): Promise<string | null> => {
  const place = join(folder, 'node_modules', name);
  return (await nameOf(place)) === name ? realpath(place) : null;
};

/** The running package itself, or one that was installed with it. */
const installedPlace = async (name: string, root: string): Promise<string | null> => {
  if ((await nameOf(root)) === name) return realpath(root);
  for (let at = root; dirname(at) !== at; at = dirname(at)) {
    const place = await placeIn(at, name);
    if (place !== null) return place;
  }
  return null;
};

const nameOf = async (folder: string): Promise<string | null> => {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')).name;
  } catch {
    return null;
  }
};
