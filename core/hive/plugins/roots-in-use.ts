/**
 * What run records refer to on disk: plugin folders, and whatever else workers run from. Includes every machine that
 * keeps its state beside this one's, because they may share the data folder.
 */
import { readdir } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { readSmallFile } from '../../boundary/small-file.ts';

export interface RunsUse {
  /** Plugin folders. */
  roots: string[];
  /** Every absolute path in a record. */
  paths: string[];
}

/**
 * `runs` is the folder of this machine's run records, `<state>/<machine>/runs`. Stopped workers count: they may be
 * started again.
 */
export const usedByRuns = async (runs: string): Promise<RunsUse> => {
  const states = dirname(dirname(runs));
  const roots = new Set<string>();
  const paths = new Set<string>();
  for (const machine of await names(states)) {
    const folder = join(states, machine, 'runs');
    for (const file of await names(folder)) {
      const record = file.endsWith('.json') ? await readRecord(join(folder, file)) : null;
      const root = record?.data?.draft?.pluginRoot;
      if (typeof root === 'string') roots.add(root);
      collectPaths(record, paths);
    }
  }
  return { roots: [...roots], paths: [...paths] };
};

export const rootsInUse = async (runs: string): Promise<string[]> => (await usedByRuns(runs)).roots;

const readRecord = async (file: string): Promise<{ data?: { draft?: { pluginRoot?: unknown } } } | null> => {
  try {
    return JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 }));
  } catch {
    // It has been removed since, or is not a record.
    return null;
  }
};

const collectPaths = (value: unknown, paths: Set<string>): void => {
  if (typeof value === 'string' && isAbsolute(value)) paths.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const one of Object.values(value)) collectPaths(one, paths);
};

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
