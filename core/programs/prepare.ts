/** Runs the `prepare` steps of a source once after its program is installed. */

import { dirname, join } from 'node:path';
import { insideFolder, plainPath } from '../contract/safe-path.ts';
import type { PrepareStep } from '../contract/worker-type/worker-type.ts';
import { cleanEnvironment } from '../lifecycle/system/environment.ts';
import type { BinaryContext } from './context.ts';
import { onPath } from './find-program.ts';
import { asStep } from './progress.ts';
import { type PythonEnvironment, pathWith, pythonEnv } from './python.ts';
import { runTool } from './run-tool.ts';

export interface Workplace {
  /** Working directory of `run` steps. */
  folder: string;
  key: string;
  python: PythonEnvironment;
  /** Replaces `$binary`. */
  argv: readonly string[];
  /** Path of the program. */
  program: string;
}

/** Errors: PYTHON_NOT_FOUND, INSTALL_FAILED, PLUGIN_INVALID. */
export const takeSteps = async (
  steps: readonly PrepareStep[],
  place: Workplace,
  context: BinaryContext,
): Promise<void> => {
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'venv') await place.python.make(step.python);
    else if (step.kind === 'requirement') await place.python.add([step.requirement].flat(), step.indexes);
    else if (step.kind === 'requirements')
      await place.python.addListed(insideFolder(dirname(place.program), plainPath(step.file)), step.indexes);
    else await runStep(step.args, index, place, context);
  }
};

const runStep = async (
  args: readonly string[],
  index: number,
  { folder, key, python, argv: binary }: Workplace,
  { env: own, narrate, signal }: BinaryContext,
): Promise<void> => {
  const [program = '', ...rest] = args;
  // A program chosen by a plugin must not receive registry credentials.
  const env = cleanEnvironment(own);
  const stepEnv = python.exists ? pythonEnv(env, { VIRTUAL_ENV: python.folder, PATH: pathWith(folder, env) }) : env;
  const words = args.join(' ');
  const start = await startOf(program, stepEnv, binary, folder, python.exists);
  await asStep(narrate, { id: `run-${key}-${index}`, text: `running ${words}`, done: `ran ${words}` }, (progress) => {
    let lines = 0;
    return runTool([...start, ...rest], {
      what: program,
      key,
      cwd: folder,
      env: stepEnv,
      signal,
      onLine: (line) => progress(++lines, undefined, line.trim()),
      hint: 'see the lines above, and report this to the author of the plugin',
    });
  });
};

const startOf = async (
  program: string,
  env: NodeJS.ProcessEnv,
  binary: readonly string[],
  folder: string,
  hasPython: boolean,
): Promise<[string, ...string[]]> => {
  if (program === '$binary') return [binary[0] ?? '', ...binary.slice(1)];
  if (program === 'python' && hasPython) return [join(folder, 'venv/bin/python')];
  // Otherwise the operating system would search the PATH of this process.
  return [(await onPath(program, env)) ?? program];
};
