/** Programs that the machine has: on the PATH of the hive, or where a variable says. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { exists, isFile } from '../lifecycle/fs/file-kind.ts';

/** Absolute path of a program on the PATH of `env`; null when there is none. Relative folders of the PATH are not looked at. */
export const onPath = async (program: string, env: NodeJS.ProcessEnv): Promise<string | null> => {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, program);
    if ((await executableProblem(path)) === undefined) return path;
  }
  return null;
};

/** Why a path cannot be started; undefined when it can. */
export const executableProblem = async (path: string): Promise<string | undefined> => {
  if (!(await isFile(path))) return (await exists(path)) ? 'is not a file' : 'does not exist';
  const allowed = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return allowed ? undefined : 'is not executable';
};
