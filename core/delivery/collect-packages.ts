/**
 * The production packages that a package needs, from wherever they lie: a checkout with hoisted workspaces, an npm
 * installation, links. Each is resolved from the one that asks for it, and placed so that the same is found there again.
 */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import type { BundleTarget } from './runtime.ts';

export interface CollectedPackage {
  name: string;
  version: string;
  /** Where it lies here. */
  folder: string;
  /** Where it goes: `node_modules/a/node_modules/b`. */
  place: string;
  /** It is no copy of something published, but a folder that is being worked on. */
  isLinked: boolean;
}

export interface PackageNeeds {
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
}

export interface CollectOptions {
  /** Packages that nothing gets, however deep they are asked for. */
  leaveOut?: readonly string[];
  /** For which machine. */
  target: BundleTarget;
  /** What this machine is: what is not here for another one is not to be had. */
  here: BundleTarget;
}

/**
 * Those that `needs` names, looked for from `root`, and all that they need. Errors: PACKAGE_MISSING, PACKAGE_INCOMPATIBLE where
 * what is here is for another platform than the target's.
 */
export const collectPackages = async (
  root: string,
  needs: PackageNeeds,
  options: CollectOptions,
): Promise<CollectedPackage[]> => {
  const placed = new Map<string, CollectedPackage>();
  const top: Asker = { name: root, folder: await realpath(root), place: '', needs };
  const queue: Asker[] = [top];
  // All needs of one are placed before those of the next, so that nothing is ever put in front of what was found before.
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

/** Null: it is optional, and not for the target. */
const find = async ({ name, isOptional }: Need, asker: Asker, options: CollectOptions): Promise<FoundFolder | null> => {
  const { target, here } = options;
  const isElsewhere = !isSamePlatform(target, here);
  const found = await lookUp(name, asker.folder);
  if (found === null) {
    if (!isOptional) throw RbeeError.of('PACKAGE_MISSING', { package: name, by: asker.name });
    // Which of them it would be, over there, only a registry can tell.
    if (isElsewhere) throw notFor(name, asker.name, target);
    return null;
  }
  const { manifest, folder, isLinked } = found;
  // A link in `node_modules` could lead to any folder of this machine, and all of it would be packed.
  if (isLinked && manifest.name !== name) {
    // An npm override puts an empty package in place of what a project does without: it is not needed there either.
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

/** Where one of them does not say which C library it has, it is that of the other. */
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

/** As Node looks for it: in the `node_modules` of each folder from here upwards. */
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

/** As npm reads these fields: what is named, or anything but what has a `!`. */
const isFor = (manifest: Manifest, target: BundleTarget): boolean =>
  (['os', 'cpu', 'libc'] as const).every((key) => {
    const named = [manifest[key] ?? []].flat();
    const value = target[key];
    if (named.length === 0 || value === undefined) return true;
    if (named.includes(`!${value}`)) return false;
    const wanted = named.filter((one) => !one.startsWith('!'));
    return wanted.length === 0 || wanted.includes(value) || wanted.includes('any');
  });

/** What node-gyp has made is for the machine that it was made on. */
const isCompiledHere = async (folder: string): Promise<boolean> =>
  (await readdir(join(folder, 'build/Release')).catch(() => [])).some((name) => name.endsWith('.node'));

/** What a package at `place` gets when it asks for `name`. */
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

/** As far up as nothing else of that name stands in the way. */
const placeFor = (place: string, name: string, placed: ReadonlyMap<string, CollectedPackage>): string =>
  join(seenFrom(place, name, placed) ? place : '', 'node_modules', name);

/** The place itself and the packages around it, the innermost first. */
const aboves = (place: string): string[] => {
  const inner = '/node_modules/';
  const all = [place];
  for (let at = `/${place}`.lastIndexOf(inner); at > 0; at = `/${place}`.lastIndexOf(inner, at - 1))
    all.push(place.slice(0, at - 1));
  return place === '' ? all : [...all, ''];
};
