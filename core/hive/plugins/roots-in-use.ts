/** Plugin folders that run records name: of every machine whose state lies beside, for they may share the data folder. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `runs` is the folder of this machine's run records, `<state>/<machine>/runs`. Stopped workers count: they may start again. */
export const rootsInUse = async (runs: string): Promise<string[]> => {
  const states = dirname(dirname(runs));
  const roots = new Set<string>();
  for (const machine of await names(states)) {
    const folder = join(states, machine, 'runs');
    for (const file of await names(folder)) {
      if (file.endsWith('.json')) for (const root of await rootsOf(join(folder, file))) roots.add(root);
    }
  }
  return [...roots];
};

const rootsOf = async (file: string): Promise<string[]> => {
  try {
    const record = JSON.parse(await readFile(file, 'utf8')) as { data?: { draft?: { pluginRoot?: unknown } } };
    const root = record.data?.draft?.pluginRoot;
    return typeof root === 'string' ? [root] : [];
  } catch {
    // It went away in the meantime, or is no record.
    return [];
  }
};

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
