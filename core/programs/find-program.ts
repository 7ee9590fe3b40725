/** Finds programs on the PATH of the hive, or at a path given by a variable. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { exists, isFile } from '../lifecycle/fs/file-kind.ts';

/** Absolute path of a program on the PATH of `env`; null if there is none. Ignores relative folders. */
export const onPath = async (program: string, env: NodeJS.ProcessEnv): Promise<string | null> => {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, program);
    if ((await executableProblem(path)) === undefined) return path;
  }
  return null;
};

/** Why a path cannot be executed; undefined if it can. */
export const executableProblem = async (path: string): Promise<string | undefined> => {
  if (!(await isFile(path))) return (await exists(path)) ? 'is not a file' : 'does not exist';
  const allowed = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return allowed ? undefined : 'is not executable';
};
