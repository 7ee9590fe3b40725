/**
 * A plugin that is used from its folder: one that is being written, or one of this checkout. It was never packed, so what
 * it is follows from what is in it and in the packages that it needs.
 */
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackEntry } from '../../archives/pack.ts';
import { type CollectedPackage, collectPackages } from '../bundle/collect-packages.ts';
import { contentsOf, fingerprint } from '../bundle/fingerprint.ts';
import { isRunWith, packageFiles } from '../bundle/package-files.ts';
import type { BundleTarget } from '../bundle/runtime.ts';
import type { FoundPackage } from '../install/fetch-calls.ts';
import { type NpmContext, packedFiles } from '../install/npm-tree.ts';
import type { TreeGroup } from '../install/stage.ts';

export interface FolderPlugin {
  root: string;
  /** As if it had been packed; its dependencies are whatever is installed beside it. */
  found: FoundPackage;
  /** Its own files. */
  own: readonly PackEntry[];
}

/** Where it goes in an archive: outside of `node_modules`, from which Node runs no TypeScript. */
export const folderPlace = 'plugin';

const here: BundleTarget = { os: process.platform, cpu: process.arch };

/** What was read lately, by the looks of it. */
const known = new Map<string, FolderPlugin>();
const mostKnown = 50;

/** Errors: PLUGIN_INVALID, PACKAGE_MISSING, PACKAGE_REFUSED, NPM_NOT_FOUND, NPM_FAILED. */
export const readFolderPlugin = async (folder: string, npm: NpmContext): Promise<FolderPlugin> => {
  const root = await realpath(folder);
  const json = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Partial<FoundPackage>;
  const { name = '', version = '', dependencies = {}, optionalDependencies = {} } = json;
  const all = await packageFiles(root, { name, place: folderPlace, wants: (path) => !path.startsWith('.') });
  const packages = await collectPackages(root, { dependencies, optionalDependencies }, { target: here, here });
  const linked = await Promise.all(packages.filter(({ isLinked }) => isLinked).map((one) => filesOf(one)));
  const looks = await fingerprint([...all, ...linked.flat()]);
  const key = JSON.stringify([root, looks, packages]);
  const before = known.get(key);
  if (before) return before;
  const packed = new Set((await packedFiles(root, npm)).map((path) => join(folderPlace, path)));
  const own = all.filter(({ path }) => packed.has(path));
  const others = packages.map(({ place, version }) => [place, version]);
  const contents = JSON.stringify([await contentsOf(own), others, await contentsOf(linked.flat())]);
  const anything = (needs: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.keys(needs).map((one) => [one, '*']));
  const found: FoundPackage = {
    name,
    version,
    integrity: `sha512-${createHash('sha512').update(contents).digest('base64')}`,
    tarball: root,
    registry: null,
    publisher: { id: name.startsWith('@') ? (name.split('/')[0] ?? name) : name, account: null },
    license: null,
    description: '',
    deprecated: null,
    // Whatever is installed beside it is what it was tried with.
    dependencies: anything(dependencies),
    optionalDependencies: anything(optionalDependencies),
    scripts: false,
    rbee: json.rbee,
    signature: { state: 'none', provenance: null, note: 'it is used from a folder' },
  };
  const plugin = { root, found, own };
  known.set(key, plugin);
  for (const oldest of known.keys()) {
    if (known.size <= mostKnown) break;
    known.delete(oldest);
  }
  return plugin;
};

/** With the packages that a group of variants needs. Errors: PACKAGE_NOT_FOR, PACKAGE_MISSING, PACKAGE_REFUSED. */
export const folderEntries = async (
  { root, own }: FolderPlugin,
  { plan }: TreeGroup,
  { target, here }: { target: BundleTarget; here: BundleTarget },
): Promise<PackEntry[]> => {
  const { leaveOut, leaveOutFiles } = plan;
  const packages = await collectPackages(root, plan, { leaveOut, target, here });
  const files = await Promise.all(packages.map((one) => filesOf(one, leaveOutFiles[one.name])));
  const inside = files.flat().map((entry) => ({ ...entry, path: join(folderPlace, entry.path) }));
  return [...own, ...inside];
};

const filesOf = ({ name, folder, place }: CollectedPackage, leaveOut: readonly string[] = []): Promise<PackEntry[]> => {
  const wants = (path: string, isFolder: boolean) => isRunWith(path, isFolder) && !leaveOut.includes(path);
  return packageFiles(folder, { name, place, wants });
};
