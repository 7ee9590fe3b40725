/** From a fetched package to trees that are ready to be moved into the store: examined first, then made whole. */
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import type { Narrate } from '../../contract/narration.ts';
import type { VariantPackages } from '../../contract/worker-type.ts';
import type { TypeDescription } from '../description.ts';
import { Evaluator } from '../evaluator.ts';
import { type PluginManifest, readManifest } from '../manifest.ts';
import { WorkerTypeHandle } from '../worker-type-handle.ts';
import type { FoundPackage } from './fetch-calls.ts';
import { leaveOutFiles } from './leave-out-files.ts';
import type { LockedPlugin, LockedVariant } from './lock-file.ts';
import { installTree, type NpmContext, runScripts, type TreeTarget } from './npm-tree.ts';
import { needsTree, planTree, refuseForeignTree, type TreePlan } from './stage-root.ts';
import { packageFolder } from './store.ts';

/** A package whose manifest is in order; its types are described as far as that can be done without its dependencies. */
export interface Examined {
  manifest: PluginManifest;
  types: readonly WorkerTypeHandle[];
  /** Null when its code needs its dependencies to be looked at. */
  descriptions: readonly TypeDescription[] | null;
  close(): void;
}

/** Examines the package in `root`. Errors: PACKAGE_REFUSED, PLUGIN_INVALID, PLUGIN_API_VERSION, PLUGIN_FAILED. */
export const examine = async (root: string, found: FoundPackage): Promise<Examined> => {
  const manifest = await readManifest(root).catch((error) => {
    throw named(error, root, found);
  });
  if (manifest.package !== found.name || manifest.version !== found.version) {
    throw RbeeError.of('PACKAGE_REFUSED', {
      package: `${found.name}@${found.version}`,
      problem: `inside it calls itself ${manifest.package}@${manifest.version}`,
    });
  }
  const evaluator = new Evaluator(manifest.package, root);
  const types = manifest.workerTypes.map((type) => new WorkerTypeHandle(manifest, type, evaluator));
  try {
    const descriptions = await Promise.all(types.map((type) => type.describe()));
    return { manifest, types, descriptions, close: () => evaluator.close() };
  } catch (error) {
    if (missesPackage(error) && Object.keys(found.dependencies).length > 0) {
      return { manifest, types, descriptions: null, close: () => evaluator.close() };
    }
    evaluator.close();
    throw error;
  }
};

/** A temporary folder means nothing to whoever reads the error. */
const named = (error: unknown, root: string, { name, version }: FoundPackage): unknown => {
  if (!(error instanceof RbeeError)) return error;
  const body = error.toJSON();
  return RbeeError.from({ ...body, message: body.message.replaceAll(root, `${name}@${version}`) });
};

const missesPackage = (error: unknown): boolean =>
  error instanceof RbeeError && error.code === 'PLUGIN_FAILED' && /Cannot find (package|module)/.test(error.message);

/**
 * Variants of this platform that get the same packages, and what these are. They share one tree, named after the first
 * of them.
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
    if (descriptions && !isBuiltFor(variant, descriptions, { os, cpu })) continue;
    const plan = planTree(found, packagesOf(variant, descriptions ?? [], `${os}-${cpu}`));
    const key = needsTree(plan) ? JSON.stringify(plan) : '';
    const group = groups.get(key);
    if (group) group.variants.push(variant);
    else groups.set(key, { variants: [variant], plan });
  }
  return [...groups.values()];
};

const isBuiltFor = (variant: string, types: readonly TypeDescription[], { os, cpu }: TreeTarget): boolean =>
  types
    .flatMap((type) => type.variants.filter(({ id }) => id === variant))
    .some(({ platforms }) => platforms.some((platform) => platform.os === os && platform.cpu === cpu));

const packagesOf = (variant: string, types: readonly TypeDescription[], platform: string): VariantPackages => {
  const all = types
    .flatMap((type) => type.variants.filter(({ id }) => id === variant))
    .flatMap(({ packages = {} }) => [packages, packages.on?.[platform] ?? {}]);
  const list = (key: 'include' | 'leaveOut') => [...new Set(all.flatMap((packages) => packages[key] ?? []))].sort();
  const files: Record<string, string[]> = {};
  for (const [name, paths] of all.flatMap(({ leaveOutFiles = {} }) => Object.entries(leaveOutFiles)))
    files[name] = [...new Set([...(files[name] ?? []), ...paths])].sort();
  return { include: list('include'), leaveOut: list('leaveOut'), leaveOutFiles: files };
};

export interface TreeRequest {
  /** The unpacked package; copied, so that it serves several trees. */
  unpacked: string;
  found: FoundPackage;
  group: TreeGroup;
  target: TreeTarget;
  lock: LockedPlugin | undefined;
  scripts: boolean;
  npm: NpmContext;
  narrate: Narrate;
}

/** Makes the whole tree of a group in `folder`. Errors: NPM_FAILED, NPM_NOT_FOUND, PACKAGE_REFUSED. */
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
    narrate({ kind: 'step', id, text: `installing the packages that ${found.name} (${first}) needs` });
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
    narrate({ kind: 'info', text: `running the install scripts of ${found.name} and of what it needs` });
    await runScripts(folder, found.name, npm);
  }
  const npm_lock = npmLock === undefined ? undefined : compact(npmLock);
  return group.variants.map((id) => ({ id, platform, ...(npm_lock !== undefined && { npm_lock }) }));
};

/** Looks at the finished plugin as the hive will. Errors: PLUGIN_INVALID, PLUGIN_FAILED. */
export const examineTree = async (folder: string, found: FoundPackage): Promise<void> => {
  const { close, descriptions } = await examine(packageFolder(folder, found.name), { ...found, dependencies: {} });
  close();
  if (!descriptions) throw new Error('a plugin without missing packages has descriptions');
};

const compact = (json: string): string => JSON.stringify(JSON.parse(json));

/** Where the trees of one installation are made before they move. */
export const stagedTree = (staging: string, { variants }: TreeGroup): string => join(staging, `tree-${variants[0]}`);
