/** The root package that npm is given in place of the plugin: its dependencies, less what a variant does without. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VariantPackages } from '../../contract/worker-type.ts';

/** What the tree of one variant consists of. The same plan gives the same root, so a lock of it fits again. */
export interface TreePlan {
  plugin: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
  /** Packages that nothing gets, however deep they are asked for. */
  leaveOut: readonly string[];
}

interface Dependencies {
  name: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
}

/**
 * The plan for a variant. What it includes is kept although something else would leave it out, and is asked for where
 * the entry names a version (`name@1.2.3`); without one it comes as the version that a dependency asks for.
 */
export const planTree = (found: Dependencies, packages: VariantPackages = {}): TreePlan => {
  const included = (packages.include ?? []).map(nameAndRange);
  const leaveOut = (packages.leaveOut ?? []).filter((name) => !included.some((one) => one.name === name)).sort();
  const kept = (list: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => !leaveOut.includes(name)));
  const asked = included.filter(({ range }) => range !== null).map(({ name, range }) => [name, range as string]);
  return {
    plugin: found.name,
    dependencies: kept(found.dependencies),
    // Optional: on another platform than its own, npm leaves a package out.
    optionalDependencies: { ...kept(found.optionalDependencies), ...Object.fromEntries(asked) },
    leaveOut,
  };
};

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
    overrides: Object.fromEntries(plan.leaveOut.map((name) => [name, 'file:./left-out'])),
  };
  await mkdir(join(folder, 'left-out'), { recursive: true, mode: 0o700 });
  const empty = { name: 'left-out', version: '0.0.0', private: true };
  await writeFile(join(folder, 'left-out', 'package.json'), `${JSON.stringify(empty)}\n`);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(root, null, 2)}\n`);
};

const nameAndRange = (text: string): { name: string; range: string | null } => {
  const at = text.indexOf('@', 1);
  return at === -1 ? { name: text, range: null } : { name: text.slice(0, at), range: text.slice(at + 1) };
};
