/**
 * The plugins of a machine: the packages in the data folder's index (oclif link entries, so that oclif loads the same
 * plugins) and, in a checkout of rbee, the development index of the workspace.
 */
import { dirname, join, resolve } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { packageRoot } from '../config/version.ts';
import { RbeeError } from '../contract/errors.ts';

/**
 * A plugin in the index. oclif treats all of them as linked folders; only those installed by rbee have an `integrity`.
 */
export interface IndexEntry {
  /** npm package. */
  name: string;
  type: 'link';
  root: string;
  version?: string;
  /** `sha512-…` of the packed package. */
  integrity?: string;
  /** Range or tag that `rbee plugins update` follows; absent for an exact version or a file. */
  tag?: string;
  /** Scope or name of its publisher. */
  publisher?: string;
  registry?: string | null;
  /** `verified`, or why it is not. */
  signature?: string;
  /** Folder of the package for each installed variant; variants that need the same packages share one. */
  variants?: Record<string, string>;
  /** The variants whose packages' install scripts were run. */
  scripts?: readonly string[];
  /** The version that it replaced. */
  previous?: { version: string; integrity: string; variants: Record<string, string> };
}

export interface PluginLocation {
  root: string;
  source: 'development' | 'link' | 'installed';
  /** Only for an installed plugin. */
  integrity?: string;
  /** For an installed plugin, the folder of each installed variant. Other plugins have all variants in one folder. */
  variants?: Readonly<Record<string, string>>;
}

/** The index of installed plugins: `package.json` of the data folder. */
export const indexFile = (dataFolder: string): string => join(dataFolder, 'package.json');

/** All plugin folders, installed ones first, sorted by folder for a deterministic order. */
export const locatePlugins = async (dataFolder: string): Promise<PluginLocation[]> => {
  const installed = (await readIndex(dataFolder)).map(locationOf);
  const roots = new Set(installed.map((plugin) => plugin.root));
  const development = (await readDevelopmentIndex()).filter((plugin) => !roots.has(plugin.root));
  const byRoot = (a: PluginLocation, b: PluginLocation) => (a.root < b.root ? -1 : 1);
  return [...installed.sort(byRoot), ...development.sort(byRoot)];
};

/** The entries of the index; empty if the file does not exist. Throws INDEX_INVALID. */
export const readIndex = async (dataFolder: string): Promise<IndexEntry[]> => {
  const json = (await readJson(indexFile(dataFolder))) as { oclif?: { plugins?: Partial<IndexEntry>[] } } | null;
  const entries = json?.oclif?.plugins;
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry) =>
    entry?.type === 'link' && typeof entry.root === 'string'
      ? [{ ...entry, type: 'link', root: resolve(entry.root), name: entry.name ?? entry.root }]
      : [],
  );
};

const locationOf = ({ root, integrity, variants }: IndexEntry): PluginLocation =>
  integrity === undefined
    ? { root, source: 'link' }
    : { root, source: 'installed', integrity, variants: variants ?? {} };

/** `rbee.plugins` in the package.json of the workspace that this package is part of; nothing in an installed rbee. */
const readDevelopmentIndex = async (): Promise<PluginLocation[]> => {
  const workspace = dirname(packageRoot());
  const json = (await readJson(join(workspace, 'package.json'))) as {
    name?: unknown;
    rbee?: { plugins?: unknown };
  } | null;
  if (json?.name !== 'rbee-workspace' || !Array.isArray(json.rbee?.plugins)) return [];
  return json.rbee.plugins.map((folder: string) => ({
    root: resolve(workspace, folder),
    source: 'development' as const,
  }));
};

const readJson = async (file: string): Promise<unknown> => {
  try {
    return JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw RbeeError.of('INDEX_INVALID', { path: file, problem: (error as Error).message }, { cause: error });
  }
};
