/** The root package that npm is given in place of the plugin: its dependencies, less what a variant does without. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import npa from 'npm-package-arg';
import { RbeeError } from '../../contract/errors.ts';
import { isSafePath, plainPath } from '../../contract/safe-path.ts';
import type { VariantPackages } from '../../contract/worker-type.ts';

/** Holds the empty package that stands for each that is left out. */
const leftOutFolder = 'left-out';

/** What the tree of one variant consists of. The same plan gives the same root, so a lock of it fits again. */
export interface TreePlan {
  plugin: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
  /** Packages that nothing gets, however deep they are asked for. */
  leaveOut: readonly string[];
  /** Paths in packages that are removed afterwards, by package. */
  leaveOutFiles: Readonly<Record<string, readonly string[]>>;
}

interface Dependencies {
  name: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
}

/**
 * The plan for a variant. What it includes is kept although something else would leave it out, and is asked for where
 * the entry names a version (`name@1.2.3`); without one it comes as the version that a dependency asks for. Errors:
 * PACKAGE_REFUSED where a dependency is to come from elsewhere than a registry.
 */
export const planTree = (found: Dependencies, packages: VariantPackages = {}): TreePlan => {
  const included = (packages.include ?? []).map(nameAndRange);
  const leaveOut = (packages.leaveOut ?? []).filter((name) => !included.some((one) => one.name === name)).sort();
  const kept = (list: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => !leaveOut.includes(name)));
  const asked = included.filter(({ range }) => range !== null).map(({ name, range }) => [name, range as string]);
  const dependencies = kept(found.dependencies);
  // Optional: on another platform than its own, npm leaves a package out.
  const optionalDependencies = { ...kept(found.optionalDependencies), ...Object.fromEntries(asked) };
  refuseForeign(found.name, { ...dependencies, ...optionalDependencies });
  const { leaveOutFiles = {} } = packages;
  return { plugin: found.name, dependencies, optionalDependencies, leaveOut, leaveOutFiles };
};

/** Refuses folders and URLs as dependencies: the one is part of this machine, the other can change its content. */
const refuseForeign = (plugin: string, dependencies: Readonly<Record<string, string>>): void => {
  for (const [name, wanted] of Object.entries(dependencies)) {
    if (!isOfRegistry(name, wanted)) throw foreign(plugin, name, wanted);
  }
};

const isOfRegistry = (name: string, wanted: string): boolean => {
  try {
    const { registry, type, subSpec } = npa.resolve(name, wanted) as npa.Result & { subSpec?: npa.Result };
    return (type === 'alias' ? subSpec?.registry : registry) === true;
  } catch {
    return false;
  }
};

const foreign = (plugin: string, name: string, wanted: string): RbeeError =>
  RbeeError.of('PACKAGE_REFUSED', {
    package: plugin,
    problem: `it needs ${name} from "${wanted}", and not from a registry`,
  });

interface LockedPackage {
  link?: unknown;
  resolved?: unknown;
}

/**
 * Looks through the npm lock of a finished tree for what came from elsewhere than a registry, however deep it was asked
 * for. Errors: PACKAGE_REFUSED.
 */
export const refuseForeignTree = (plugin: string, npmLock: string): void => {
  const { packages = {} } = JSON.parse(npmLock) as { packages?: Record<string, LockedPackage> };
  for (const [path, { link, resolved }] of Object.entries(packages)) {
    const address = typeof resolved === 'string' ? resolved : '';
    // The empty package that stands for what is left out is a link inside of the tree; what comes inside another
    // package has no address.
    const isFine = link === true ? isInside(address) : address === '' || /^https?:/.test(address);
    if (!isFine || !isInside(path)) throw foreign(plugin, path.replace(/^.*node_modules\//, ''), address || path);
  }
};

/** npm writes the root of the tree as an empty path. */
const isInside = (path: string): boolean => path === '' || (isSafePath(plainPath(path)) && !/^\w+:/.test(path));

/** Is there anything to install beside the plugin itself? */
export const needsTree = ({ dependencies, optionalDependencies }: TreePlan): boolean =>
  Object.keys(dependencies).length + Object.keys(optionalDependencies).length > 0;

/** Writes the root package into `folder`, with an empty package in place of each that is left out. */
export const writeStageRoot = async (folder: string, plan: TreePlan): Promise<void> => {
  const root = {
    name: 'rbee-plugin-root',
    version: '0.0.0',
    private: true,
    dependencies: plan.dependencies,
    optionalDependencies: plan.optionalDependencies,
    overrides: Object.fromEntries(plan.leaveOut.map((name) => [name, `file:./${leftOutFolder}`])),
  };
  await mkdir(join(folder, leftOutFolder), { recursive: true, mode: 0o700 });
  const empty = { name: 'left-out', version: '0.0.0', private: true };
  await writeFile(join(folder, leftOutFolder, 'package.json'), `${JSON.stringify(empty)}\n`);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(root, null, 2)}\n`);
};

const nameAndRange = (text: string): { name: string; range: string | null } => {
  const at = text.indexOf('@', 1);
  return at === -1 ? { name: text, range: null } : { name: text.slice(0, at), range: text.slice(at + 1) };
};
