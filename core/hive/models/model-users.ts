/**
 * Which workers were started from which models, according to run records. Includes every machine that keeps its state
 * beside this one's, because they may share the data folder.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSmallFile } from '../../boundary/small-file.ts';

export interface ModelUser {
  /** Id of the worker. Stopped workers count, because they may be started again. */
  worker: string;
  /** Paths passed to its engine. */
  paths: readonly string[];
  /** References that it was requested with. */
  references: readonly string[];
}

/** `runs` is the folder of this machine's run records, `<state>/<machine>/runs`. */
export const modelUsers = async (runs: string): Promise<ModelUser[]> => {
  const states = dirname(dirname(runs));
  const users: ModelUser[] = [];
  for (const machine of await names(states)) {
    const folder = join(states, machine, 'runs');
    for (const file of await names(folder)) {
      const user = file.endsWith('.json') ? await userOf(join(folder, file)) : null;
      if (user) users.push(user);
    }
  }
  return users.sort((a, b) => (a.worker < b.worker ? -1 : 1));
};

/** Workers whose engine uses a path inside `folder` or a sibling named `folder-SUFFIX`. */
export const usersOfFolder = (users: readonly ModelUser[], folder: string): string[] =>
  users
    .filter(({ paths }) =>
      paths.some((path) => path.startsWith(folder) && /^(-[^/]*)?(\/|$)/.test(path.slice(folder.length))),
    )
    .map(({ worker }) => worker);

interface Recorded {
  id?: unknown;
  data?: { draft?: { models?: unknown; reference?: unknown }; spec?: { components?: unknown } };
}

const userOf = async (file: string): Promise<ModelUser | null> => {
  try {
    const { id, data } = JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 })) as Recorded;
    if (typeof id !== 'string') return null;
    const paths = texts(Object.values(data?.draft?.models ?? {}));
    return {
      worker: id,
      paths,
      references: texts([data?.draft?.reference, ...Object.values(data?.spec?.components ?? {})]),
    };
  } catch {
    // It has been removed since, or is not a record.
    return null;
  }
};

const texts = (values: readonly unknown[]): string[] => values.filter((value) => typeof value === 'string');

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
