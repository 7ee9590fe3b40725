/** Builds the trees of an examined package, ready to be moved into the store. */
import { cp, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Narrate } from '../../contract/api/narration.ts';
import { isBuiltFor } from '../../contract/worker-type/platforms.ts';
import type { VariantPackages } from '../../contract/worker-type/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';
import type { LockedPlugin, LockedVariant } from '../lock-file.ts';
import { packageFolder } from '../store.ts';
import { leaveOutFiles } from '../tree/leave-out-files.ts';
import { installTree, type NpmContext, runScripts, type TreeTarget } from '../tree/npm-tree.ts';
import { needsTree, planTree, refuseForeignTree, type TreePlan } from '../tree/stage-root.ts';
import type { Examined } from './examine.ts';

/**
 * Variants for this platform that need the same packages, and those packages. They share one tree, named after the
 * first variant.
 */
export interface TreeGroup {
  variants: readonly string[];
  plan: TreePlan;
}

export const groupVariants = (
  found: FoundPackage,
  { manifest, descriptions }: Examined,
  { os, cpu }: TreeTarget,
): TreeGroup[] => {
  const groups = new Map<string, { variants: string[]; plan: TreePlan }>();
  for (const variant of new Set(manifest.workerTypes.flatMap((type) => type.variants))) {
    if (descriptions && !isOffered(variant, descriptions, { os, cpu })) continue;
    const plan = planTree(found, packagesOf(variant, descriptions ?? [], `${os}-${cpu}`));
    const key = needsTree(plan) ? JSON.stringify(plan) : '';
    const group = groups.get(key);
    if (group) group.variants.push(variant);
    else groups.set(key, { variants: [variant], plan });
  }
  return [...groups.values()];
};

const isOffered = (variant: string, types: readonly TypeDescription[], { os, cpu }: TreeTarget): boolean =>
  types
    .flatMap((type) => type.variants.filter(({ id }) => id === variant))
    .some(({ platforms }) => isBuiltFor(platforms, { os, cpu }));

const packagesOf = (variant: string, types: readonly TypeDescription[], platform: string): VariantPackages => {
  const all = types
    .flatMap((type) => type.variants.filter(({ id }) => id === variant))
    .flatMap(({ packages = {} }) => [packages, packages.on?.[platform] ?? {}]);
  const list = (key: 'include' | 'leaveOut') => [...new Set(all.flatMap((packages) => packages[key] ?? []))].sort();
  const files = new Map<string, string[]>();
  for (const [name, paths] of all.flatMap(({ leaveOutFiles = {} }) => Object.entries(leaveOutFiles)))
    files.set(name, [...new Set([...(files.get(name) ?? []), ...paths])].sort());
  return { include: list('include'), leaveOut: list('leaveOut'), leaveOutFiles: Object.fromEntries(files) };
};

export interface TreeRequest {
  /** The unpacked package. It is copied, because it may be needed for several trees. */
  unpacked: string;
  found: FoundPackage;
  group: TreeGroup;
  target: TreeTarget;
  lock: LockedPlugin | undefined;
  scripts: boolean;
  npm: NpmContext;
  narrate: Narrate;
}

/** Creates the complete tree of a group in `folder`. Errors: NPM_FAILED, NPM_NOT_FOUND, PACKAGE_REFUSED. */
export const makeTree = async (folder: string, request: TreeRequest): Promise<LockedVariant[]> => {
  const { found, group, target, lock, npm, narrate } = request;
  const [first = ''] = group.variants;
  const platform = `${target.os}-${target.cpu}`;
  const home = packageFolder(folder, found.name);
  let npmLock: string | undefined;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (needsTree(group.plan)) {
    const id = `tree-${first}`;
    const began = performance.now();
    narrate({ kind: 'step', id, text: `installing the dependencies of ${found.name} (${first})` });
    const known = lock?.variants.find(
      (variant) => group.variants.includes(variant.id) && variant.platform === platform,
    )?.npm_lock;
    npmLock = await installTree(folder, group.plan, target, known ?? null, npm);
    refuseForeignTree(found.name, npmLock);
    await leaveOutFiles(folder, group.plan.leaveOutFiles);
    narrate({ kind: 'done', id, ms: performance.now() - began });
  }
  await mkdir(dirname(home), { recursive: true, mode: 0o700 });
  await cp(request.unpacked, home, { recursive: true });
  if (request.scripts) {
    narrate({ kind: 'info', text: `running the install scripts of ${found.name} and its dependencies` });
    await runScripts(folder, found.name, npm);
  }
  const npm_lock = npmLock === undefined ? undefined : compact(npmLock);
  return group.variants.map((id) => ({ id, platform, ...(npm_lock !== undefined && { npm_lock }) }));
};

const compact = (json: string): string => JSON.stringify(JSON.parse(json));
