/**
 * Collects a package's production dependencies from a checkout with hoisted workspaces, an npm installation, or links.
 * Each is resolved from its dependent and placed so that Node resolves the same package on the other machine.
 */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import type { BundleTarget } from './runtime.ts';

export interface CollectedPackage {
  name: string;
  version: string;
  /** Its folder on this machine. */
  folder: string;
  /** Its path in the archive: `node_modules/a/node_modules/b`. */
  place: string;
  /** A folder under development, not a copy of a published package. */
  isLinked: boolean;
}

export interface PackageNeeds {
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
}

export interface CollectOptions {
  /** Packages to leave out at any depth. */
  leaveOut?: readonly string[];
  /** The target machine. */
  target: BundleTarget;
  /** This machine: packages for other platforms are not installed here. */
  here: BundleTarget;
}

/**
 * The packages in `needs`, resolved from `root`, and all their dependencies. Errors: PACKAGE_MISSING,
 * PACKAGE_INCOMPATIBLE if the installed one is for another platform than the target's.
 */
export const collectPackages = async (
  root: string,
  needs: PackageNeeds,
  options: CollectOptions,
): Promise<CollectedPackage[]> => {
  const placed = new Map<string, CollectedPackage>();
  const top: Asker = { name: root, folder: await realpath(root), place: '', needs };
  const queue: Asker[] = [top];
  // Breadth first: a package placed later can then never shadow one that was resolved before.
  for (let asker = queue.shift(); asker !== undefined; asker = queue.shift()) {
    for (const need of needsOf(asker, options)) {
      const found = await find(need, asker, options);
      if (found === null || seenFrom(asker.place, need.name, placed)?.folder === found.folder) continue;
      const place = placeFor(asker.place, need.name, placed);
      const { name, version, folder, isLinked, needs } = found;
      placed.set(place, { name, version, folder, place, isLinked });
      queue.push({ name, folder, place, needs });
    }
  }
  return [...placed.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
};

interface Asker {
  name: string;
  folder: string;
  place: string;
  needs: PackageNeeds;
}

interface Need {
  name: string;
  isOptional: boolean;
}

const needsOf = ({ needs }: Asker, { leaveOut = [] }: CollectOptions): Need[] =>
  Object.keys({ ...needs.dependencies, ...needs.optionalDependencies })
    .filter((name) => !leaveOut.includes(name))
    .sort()
    .map((name) => ({ name, isOptional: Object.hasOwn(needs.optionalDependencies, name) }));

interface FoundFolder extends Omit<CollectedPackage, 'place'> {
  needs: PackageNeeds;
}

/** Null: optional, and not needed on the target. */
const find = async ({ name, isOptional }: Need, asker: Asker, options: CollectOptions): Promise<FoundFolder | null> => {
  const { target, here } = options;
  const isElsewhere = !isSamePlatform(target, here);
  const found = await lookUp(name, asker.folder);
  if (found === null) {
    if (!isOptional) throw RbeeError.of('PACKAGE_MISSING', { package: name, by: asker.name });
    // Only a registry knows which of them the target would get.
    if (isElsewhere) throw notFor(name, asker.name, target);
    return null;
  }
  const { manifest, folder, isLinked } = found;
  // A link in `node_modules` could lead to any folder of this machine, which would then be packed.
  if (isLinked && manifest.name !== name) {
    // An npm override may replace an unwanted package by an empty one: then the target does not need it either.
    if (isOptional) return null;
    const problem = `its folder is a link to ${folder}, which is not a package of that name`;
    throw RbeeError.of('PACKAGE_REFUSED', { package: name, problem });
  }
  if (!isFor(manifest, target)) {
    if (isOptional && !isFor(manifest, here)) return null;
    throw notFor(name, asker.name, target);
  }
  if (isElsewhere && (await isCompiledHere(folder))) throw notFor(name, asker.name, target);
  const { version = '0.0.0', dependencies = {}, optionalDependencies = {} } = manifest;
  return { name, version, folder, isLinked, needs: { dependencies, optionalDependencies } };
};

const notFor = (name: string, by: string, target: BundleTarget): RbeeError =>
  RbeeError.of('PACKAGE_INCOMPATIBLE', { package: name, by, platform: platformOf(target) });

const platformOf = ({ os, cpu, libc }: BundleTarget): string =>
  [os, cpu, ...(libc === undefined ? [] : [libc])].join('-');

/** If only one of them names a C library, that one counts. */
export const isSamePlatform = (one: BundleTarget, other: BundleTarget): boolean =>
  one.os === other.os && one.cpu === other.cpu && (one.libc ?? other.libc) === (other.libc ?? one.libc);

interface Manifest {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  os?: string | string[];
  cpu?: string | string[];
  libc?: string | string[];
}

interface Lookup {
  manifest: Manifest;
  folder: string;
  isLinked: boolean;
}

/** Resolves like Node: in the `node_modules` of each folder upwards. */
const lookUp = async (name: string, from: string): Promise<Lookup | null> => {
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name);
    const manifest = await readSmallFile(join(path, 'package.json')).catch(() => null);
    if (manifest !== null) {
      const folder = await realpath(path);
      return { manifest: JSON.parse(manifest) as Manifest, folder, isLinked: !folder.includes('/node_modules/') };
    }
    if (dirname(at) === at) return null;
  }
};

/** Like npm: the field lists either allowed values or, with `!`, excluded ones. */
const isFor = (manifest: Manifest, target: BundleTarget): boolean =>
  (['os', 'cpu', 'libc'] as const).every((key) => {
    const named = [manifest[key] ?? []].flat();
    const value = target[key];
    if (named.length === 0 || value === undefined) return true;
    if (named.includes(`!${value}`)) return false;
    const wanted = named.filter((one) => !one.startsWith('!'));
    return wanted.length === 0 || wanted.includes(value) || wanted.includes('any');
  });

/** node-gyp's output runs only on the machine it was built on. */
const isCompiledHere = async (folder: string): Promise<boolean> =>
  (await readdir(join(folder, 'build/Release')).catch(() => [])).some((name) => name.endsWith('.node'));

/** The package that one at `place` gets when it imports `name`. */
const seenFrom = (
  place: string,
  name: string,
  placed: ReadonlyMap<string, CollectedPackage>,
): CollectedPackage | undefined => {
  for (const above of aboves(place)) {
    const found = placed.get(join(above, 'node_modules', name));
    if (found) return found;
  }
  return undefined;
};

/** The topmost folder where no other package has that name. */
const placeFor = (place: string, name: string, placed: ReadonlyMap<string, CollectedPackage>): string =>
  join(seenFrom(place, name, placed) ? place : '', 'node_modules', name);

/** The place itself and the packages that enclose it, innermost first. */
const aboves = (place: string): string[] => {
  const inner = '/node_modules/';
  const all = [place];
  for (let at = `/${place}`.lastIndexOf(inner); at > 0; at = `/${place}`.lastIndexOf(inner, at - 1))
    all.push(place.slice(0, at - 1));
  return place === '' ? all : [...all, ''];
};
