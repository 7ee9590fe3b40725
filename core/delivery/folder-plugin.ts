/**
 * A plugin that runs from its folder, under development or in this checkout. It was never packed, so it is identified by
 * its contents and those of its dependencies.
 */

import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackEntry } from '../archives/pack.ts';
import { readSmallFile } from '../boundary/small-file.ts';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import { ownerOf } from '../plugins/fetch/trust.ts';
import type { TreeGroup } from '../plugins/install/stage.ts';
import { type NpmContext, packedFiles } from '../plugins/tree/npm-tree.ts';
import { type CollectedPackage, collectPackages } from './collect-packages.ts';
import { contentsOf, fingerprint } from './fingerprint.ts';
import { isRunWith, packageFiles } from './package-files.ts';
import { readRecord, writeRecord } from './record.ts';
import type { BundleTarget } from './runtime.ts';
import { markUsed } from './sweep.ts';

export interface FolderPlugin {
  root: string;
  /** Described like a packed package; its dependencies are those installed next to it. */
  found: FoundPackage;
  /** Its own files. */
  own: readonly PackEntry[];
}

/** Its path in an archive: outside of `node_modules`, where Node does not run TypeScript. */
export const folderPlace = 'plugin';

const here: BundleTarget = { os: process.platform, cpu: process.arch };

/** Recently read folders, by fingerprint. */
const known = new Map<string, FolderPlugin>();
const maxKnown = 50;

/** `cache` is the cache folder. Errors: PLUGIN_INVALID, PACKAGE_MISSING, PACKAGE_REFUSED, NPM_NOT_FOUND, NPM_FAILED. */
export const readFolderPlugin = async (folder: string, cache: string, npm: NpmContext): Promise<FolderPlugin> => {
  const root = await realpath(folder);
  const json = JSON.parse(await readSmallFile(join(root, 'package.json'))) as Partial<FoundPackage>;
  const { name = '', version = '', dependencies = {}, optionalDependencies = {} } = json;
  const all = await packageFiles(root, { name, place: folderPlace, wants: isPackable });
  const packages = await collectPackages(root, { dependencies, optionalDependencies }, { target: here, here });
  const linked = await Promise.all(packages.filter(({ isLinked }) => isLinked).map((one) => filesOf(one)));
  const looks = await fingerprint([...all, ...linked.flat()]);
  const key = JSON.stringify([root, looks, packages]);
  const before = known.get(key);
  if (before) return before;
  const packed = new Set(await filesToPack(root, key, cache, npm));
  const own = all.filter(({ path }) => packed.has(path.slice(folderPlace.length + 1)));
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
    publisher: { id: ownerOf(name), account: null },
    license: null,
    description: '',
    deprecated: null,
    // The author tested it with the packages installed next to it.
    dependencies: anything(dependencies),
    optionalDependencies: anything(optionalDependencies),
    scripts: false,
    rbee: json.rbee,
    signature: { state: 'none', provenance: null, note: 'it is used from a folder' },
  };
  const plugin = { root, found, own };
  known.set(key, plugin);
  for (const oldest of known.keys()) {
    if (known.size <= maxKnown) break;
    known.delete(oldest);
  }
  return plugin;
};

/** Includes the files that decide which others are packed. */
const isPackable = (path: string): boolean => !path.startsWith('.') || ['.npmignore', '.gitignore'].includes(path);

/** `npm pack` takes almost a second, so it runs once per state of the folder. */
const filesToPack = async (root: string, looks: string, cache: string, npm: NpmContext): Promise<string[]> => {
  const name = createHash('sha256').update(looks).digest('hex').slice(0, 24);
  const record = join(cache, 'bundles', `folder-${name}.json`);
  const before = await readRecord<{ files: string[] }>(record);
  if (before) {
    await markUsed([record]);
    return before.files;
  }
  const files = await packedFiles(root, npm);
  await writeRecord(record, { files });
  return files;
};

/** With the packages that a group of variants needs. Errors: PACKAGE_INCOMPATIBLE, PACKAGE_MISSING, PACKAGE_REFUSED. */
export const folderEntries = async (
  { root, own }: FolderPlugin,
  { plan }: TreeGroup,
  { target, here }: { target: BundleTarget; here: BundleTarget },
): Promise<PackEntry[]> => {
  const { leaveOut, leaveOutFiles } = plan;
  const packages = await collectPackages(root, plan, { leaveOut, target, here });
  const leftOut = new Map(Object.entries(leaveOutFiles ?? {}));
  const files = await Promise.all(packages.map((one) => filesOf(one, leftOut.get(one.name))));
  const inside = files.flat().map((entry) => ({ ...entry, path: join(folderPlace, entry.path) }));
  return [...own, ...inside];
};

const filesOf = ({ name, folder, place }: CollectedPackage, leaveOut: readonly string[] = []): Promise<PackEntry[]> => {
  const wants = (path: string, isFolder: boolean) => isRunWith(path, isFolder) && !leaveOut.includes(path);
  return packageFiles(folder, { name, place, wants });
};
