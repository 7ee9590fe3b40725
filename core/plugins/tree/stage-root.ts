/**
 * The root package that npm installs instead of the plugin: its dependencies without those that a variant leaves out.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import npa from 'npm-package-arg';
import { RbeeError } from '../../contract/errors.ts';
import { isSafePath, plainPath } from '../../contract/safe-path.ts';
import type { VariantPackages } from '../../contract/worker-type/worker-type.ts';

/** Contains the empty package that replaces each omitted one. */
const leftOutFolder = 'left-out';

/** The contents of one variant's tree. Equal plans give equal roots, so that a lock can be reused. */
export interface TreePlan {
  plugin: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
  /** Packages to omit at any depth. */
  leaveOut: readonly string[];
  /** Paths to remove from packages afterwards, by package. */
  leaveOutFiles: Readonly<Record<string, readonly string[]>>;
}

interface Dependencies {
  name: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
}

/**
 * The plan for a variant. A package that it includes is kept even if something else leaves it out. If the entry has a
 * version (`name@1.2.3`), the package is installed in any case; otherwise only if a dependency asks for it. Errors:
 * PACKAGE_REFUSED if a dependency is not from a registry.
 */
export const planTree = (found: Dependencies, packages: VariantPackages = {}): TreePlan => {
  const included = (packages.include ?? []).map(nameAndRange);
  const leaveOut = (packages.leaveOut ?? []).filter((name) => !included.some((one) => one.name === name)).sort();
  const kept = (list: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => !leaveOut.includes(name)));
  const asked = included.filter(({ range }) => range !== null).map(({ name, range }) => [name, range as string]);
  const dependencies = kept(found.dependencies);
  // Optional, so that npm skips a package for another platform.
  const optionalDependencies = { ...kept(found.optionalDependencies), ...Object.fromEntries(asked) };
  refuseForeign(found.name, { ...dependencies, ...optionalDependencies });
  const { leaveOutFiles = {} } = packages;
  return { plugin: found.name, dependencies, optionalDependencies, leaveOut, leaveOutFiles };
};

/**
 * Refuses folders and URLs as dependencies: a folder exists only on this machine, and the content of a URL can change.
 */
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
    problem: `it needs ${name} from "${wanted}", which is not a registry`,
  });

interface LockedPackage {
  link?: unknown;
  resolved?: unknown;
}

/**
 * Checks the npm lock of a finished tree for packages at any depth that are not from a registry. Errors:
 * PACKAGE_REFUSED.
 */
export const refuseForeignTree = (plugin: string, npmLock: string): void => {
  const { packages = {} } = JSON.parse(npmLock) as { packages?: Record<string, LockedPackage> };
  for (const [path, { link, resolved }] of Object.entries(packages)) {
    const address = typeof resolved === 'string' ? resolved : '';
    // The empty package that replaces omitted ones is a link inside the tree; a bundled package has no address.
    const isFine = link === true ? isInside(address) : address === '' || /^https?:/.test(address);
    if (!isFine || !isInside(path)) throw foreign(plugin, path.replace(/^.*node_modules\//, ''), address || path);
  }
};

/** npm's path for the root of the tree is empty. */
const isInside = (path: string): boolean => path === '' || (isSafePath(plainPath(path)) && !/^\w+:/.test(path));

/** Whether there is anything to install besides the plugin itself. */
export const needsTree = ({ dependencies, optionalDependencies }: TreePlan): boolean =>
  Object.keys(dependencies).length + Object.keys(optionalDependencies).length > 0;

/** Writes the root package into `folder`, with an empty package for each omitted one. */
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
