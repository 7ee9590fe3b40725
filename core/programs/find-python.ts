/** Finds a tool to create Python environments: uv, otherwise a Python of the requested version with venv. */
import { RbeeError } from '../contract/errors.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';
import { onPath } from './find-program.ts';

export type PythonMaker = { kind: 'uv'; uv: string } | { kind: 'python'; python: string };

/** A broken shim may hang. */
const askTimeoutMs = 20_000;
const question = 'import sys, venv, ensurepip; print("%d.%d.%d" % sys.version_info[:3])';

/** `wanted`: a version, such as `3` or `3.12`; any when undefined. Errors: PYTHON_NOT_FOUND. */
export const findPython = async (
  wanted: string | undefined,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<PythonMaker> => {
  const uv = await onPath('uv', env);
  if (uv) return { kind: 'uv', uv };
  const tried: string[] = ['uv was not found'];
  for (const name of [...new Set([`python${wanted ?? '3'}`, 'python3', 'python'])]) {
    const python = await onPath(name, env);
    if (!python) {
      tried.push(`${name} was not found`);
      continue;
    }
    const problem = await pythonProblem(python, wanted, env, signal);
    if (problem === undefined) return { kind: 'python', python };
    tried.push(`${python} ${problem}`);
  }
  throw RbeeError.of('PYTHON_NOT_FOUND', { python: `Python ${wanted ?? '3'}`, tried: tried.join(', ') });
};

const pythonProblem = async (
  python: string,
  wanted: string | undefined,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const { code, stdout, stderr } = await localRunner
    .run([python, '-c', question], { env, timeoutMs: askTimeoutMs, signal })
    .catch((error: Error) => {
      signal.throwIfAborted();
      return { code: null, stdout: '', stderr: error.message };
    });
  if (code !== 0) return /No module named '?(venv|ensurepip)/.test(stderr) ? 'has no venv module' : 'does not run';
  const version = stdout.trim();
  if (!version.startsWith('3.')) return `is version ${version}`;
  return wanted === undefined || `${version}.`.startsWith(`${wanted}.`) ? undefined : `is version ${version}`;
};
