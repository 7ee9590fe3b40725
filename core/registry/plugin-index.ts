/**
 * Which plugins there are: the packages that the index in the data folder names (oclif's own link entries, so that oclif
 * loads the same plugins), and, in a checkout of rbee, the development index of the workspace.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { packageRoot } from '../config/version.ts';

export interface PluginLocation {
  root: string;
  source: 'development' | 'link' | 'installed';
}

/** The index of installed plugins: `package.json` of the data folder. */
export const indexFile = (dataFolder: string): string => join(dataFolder, 'package.json');

/** All plugin folders, installed ones first, sorted by folder so that the order never depends on chance. */
export const locatePlugins = async (dataFolder: string): Promise<PluginLocation[]> => {
  const installed = await readIndex(indexFile(dataFolder));
  const roots = new Set(installed.map((plugin) => plugin.root));
  const development = (await readDevelopmentIndex()).filter((plugin) => !roots.has(plugin.root));
  const byRoot = (a: PluginLocation, b: PluginLocation) => (a.root < b.root ? -1 : 1);
  return [...installed.sort(byRoot), ...development.sort(byRoot)];
};

const readIndex = async (file: string): Promise<PluginLocation[]> => {
  const json = (await readJson(file)) as {
    oclif?: { plugins?: { root?: unknown; type?: unknown; integrity?: unknown }[] };
  } | null;
  const entries = json?.oclif?.plugins;
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry) =>
    entry.type === 'link' && typeof entry.root === 'string'
      ? [
          {
            root: resolve(entry.root),
            source: entry.integrity === undefined ? ('link' as const) : ('installed' as const),
          },
        ]
      : [],
  );
};

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
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};
