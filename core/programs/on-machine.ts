/** Sources that cannot be installed: a script of the plugin, a program of the machine. */

import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { insideFolder, isSafePath, plainPath } from '../contract/safe-path.ts';
import type { BinarySource, ResolvedBinary } from '../contract/worker-type/worker-type.ts';
import { isFile } from '../lifecycle/fs/file-kind.ts';
import { executableProblem, onPath } from './find-program.ts';

export type Look = Pick<ResolvedBinary, 'path' | 'argv' | 'environment'> | Absent;

/** Why the program of a source was not found. */
export interface Absent {
  problem: string;
  /** The variable that names it is set to a wrong path: do not fall back to another program. */
  misnamed?: { variable: string; path: string; problem: string };
}

export const lookForModule = async (source: BinarySource & { kind: 'module' }, pluginRoot: string): Promise<Look> => {
  const script = plainPath(source.script);
  if (!isSafePath(script)) return { problem: `${source.script} is outside the plugin` };
  const path = insideFolder(pluginRoot, script);
  if (!(await isFile(path))) return { problem: `${source.script} is missing from the plugin` };
  const require = createRequire(join(pluginRoot, 'package.json'));
  const missing = source.requires?.find((name) => !canResolve(require, name));
  if (missing) return { problem: `the package ${missing} is not installed` };
  return { path, argv: [process.execPath, path] };
};

/**
 * Whether the package is installed, even if it exports nothing. Its package.json's name distinguishes it from a
 * placeholder.
 */
const canResolve = (require: NodeJS.Require, name: string): boolean =>
  (require.resolve.paths(name) ?? []).some((folder) => {
    try {
      return (require(join(folder, name, 'package.json')) as { name?: string }).name === name;
    } catch {
      return false;
    }
  });

export const lookForProgram = async (
  source: BinarySource & { kind: 'path' },
  env: NodeJS.ProcessEnv,
): Promise<Look> => {
  const { variable } = source;
  const named = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && named) {
    const problem = isAbsolute(named) ? await executableProblem(named) : 'is not an absolute path';
    if (problem === undefined) return { path: named, argv: [named] };
    return {
      problem: `${variable} is set to ${named}, which ${problem}`,
      misnamed: { variable, path: named, problem },
    };
  }
  const path = await onPath(source.program, env);
  if (path !== null) return { path, argv: [path] };
  return {
    problem: `${source.program} is not on the PATH of the hive${source.variable ? `, and ${source.variable} is not set` : ''}`,
  };
};
