/** Binary resolution on this machine: the first source of a variant that is there. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import type { BinarySource, ResolvedBinary } from '../../contract/worker-type.ts';

/** What was found, or what was tried and why it did not do. */
export type BinarySearch = { found: ResolvedBinary } | { found: null; tried: string[] };

export const findBinary = async (
  sources: readonly BinarySource[],
  pluginRoot: string,
  env: NodeJS.ProcessEnv,
): Promise<BinarySearch> => {
  const tried: string[] = [];
  for (const source of sources) {
    const result = await look(source, pluginRoot, env);
    if ('path' in result) return { found: { id: source.id, kind: source.kind, ...result } };
    tried.push(`${source.id}: ${result.problem}`);
  }
  return { found: null, tried };
};

type Look = Pick<ResolvedBinary, 'path' | 'argv'> | { problem: string };

const look = async (source: BinarySource, pluginRoot: string, env: NodeJS.ProcessEnv): Promise<Look> => {
  switch (source.kind) {
    case 'module':
      return lookForModule(source, pluginRoot);
    case 'path':
      return lookForProgram(source, env);
    default:
      return { problem: `it comes as ${source.kind}, which is not installed on this machine` };
  }
};

const lookForModule = async (source: BinarySource & { kind: 'module' }, pluginRoot: string): Promise<Look> => {
  const path = join(pluginRoot, source.script);
  if (!(await isFile(path))) return { problem: `${source.script} is missing from the plugin` };
  const require = createRequire(join(pluginRoot, 'package.json'));
  const missing = source.requires?.find((name) => !canResolve(require, name));
  if (missing) return { problem: `the package ${missing} is not installed` };
  return { path, argv: [process.execPath, path] };
};

/** Is the package there, whether or not it exports anything? Its name inside tells it from a stand-in under that name. */
const canResolve = (require: NodeJS.Require, name: string): boolean =>
  (require.resolve.paths(name) ?? []).some((folder) => {
    try {
      return (require(join(folder, name, 'package.json')) as { name?: string }).name === name;
    } catch {
      return false;
    }
  });

const lookForProgram = async (source: BinarySource & { kind: 'path' }, env: NodeJS.ProcessEnv): Promise<Look> => {
  const named = source.variable === undefined ? undefined : env[source.variable];
  if (named) {
    if (!isAbsolute(named)) return { problem: `${source.variable} must be an absolute path, not ${named}` };
    const problem = await executableProblem(named);
    return problem
      ? { problem: `${source.variable} names ${named}, which ${problem}` }
      : { path: named, argv: [named] };
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, source.program);
    if ((await executableProblem(path)) === undefined) return { path, argv: [path] };
  }
  return {
    problem: `${source.program} is not on the PATH of the hive${source.variable ? `, and ${source.variable} is not set` : ''}`,
  };
};

const executableProblem = async (path: string): Promise<string | undefined> => {
  if (!(await isFile(path))) return 'is not a file';
  const allowed = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return allowed ? undefined : 'is not executable';
};

const isFile = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
};
