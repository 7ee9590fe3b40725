/** Creates Python environments with uv or pip, in their final folder: they contain absolute paths. */
import { realpath } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import type { BinaryContext } from './context.ts';
import { executableProblem } from './find-program.ts';
import { findPython, type PythonMaker } from './find-python.ts';
import type { Look } from './on-machine.ts';
import { asStep, type Progress } from './progress.ts';
import { runTool, type ToolRun } from './run-tool.ts';

type PythonSource = Extract<BinarySource, { kind: 'python' }>;

/** Variables that would make Python use files outside its environment. */
const misleading = ['PYTHONHOME', 'PYTHONPATH', 'VIRTUAL_ENV', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_USER'];
const hint =
  'see the lines above; the hive needs access to the package index, and any compilers that the package needs';

/** An environment under construction, in the folder `venv` of an installation. */
export class PythonEnvironment {
  readonly folder: string;
  readonly #key: string;
  readonly #context: BinaryContext;
  #maker: PythonMaker | null = null;
  #steps = 0;

  constructor(installation: string, key: string, context: BinaryContext) {
    this.folder = join(installation, 'venv');
    this.#key = key;
    this.#context = context;
  }

  get exists(): boolean {
    return this.#maker !== null;
  }

  /** Errors: PYTHON_NOT_FOUND, INSTALL_FAILED. */
  async make(python: string | undefined): Promise<void> {
    if (this.exists) return;
    const { env, signal } = this.#context;
    const maker = await findPython(python, env, signal);
    const argv: [string, ...string[]] =
      maker.kind === 'uv'
        ? [maker.uv, 'venv', ...(python ? ['--python', python] : []), this.folder]
        : [maker.python, '-m', 'venv', this.folder];
    const text = `creating a Python environment with ${basename(maker.kind === 'uv' ? maker.uv : maker.python)}`;
    await this.#step({ text, done: 'created a Python environment' }, (progress) =>
      runTool(argv, this.#toolRun('a Python environment', progress)),
    );
    this.#maker = maker;
  }

  /** Requirements in pip's syntax. Errors: INSTALL_FAILED. */
  add(requirements: readonly string[], indexes: readonly string[] = []): Promise<void> {
    return this.#install(requirements.join(' '), requirements, indexes);
  }

  /** Installs a requirements file. Errors: INSTALL_FAILED. */
  addListed(file: string, indexes: readonly string[] = []): Promise<void> {
    return this.#install(basename(file), ['-r', file], indexes);
  }

  async #install(what: string, args: readonly string[], indexes: readonly string[]): Promise<void> {
    const maker = this.#maker;
    if (maker === null) {
      const problem = `prepare: "${what}" comes before a venv step`;
      throw RbeeError.of('PLUGIN_INVALID', { plugin: this.#context.plugin.package, problem });
    }
    const python = join(this.folder, 'bin/python');
    const argv: [string, ...string[]] =
      maker.kind === 'uv' ? [maker.uv, 'pip', 'install', '--python', python] : [python, '-m', 'pip', 'install'];
    argv.push(...indexes.flatMap((index) => ['--extra-index-url', index]), ...args);
    const text = `installing ${what} with ${maker.kind === 'uv' ? 'uv' : 'pip'}`;
    await this.#step({ text, done: `installed ${what}` }, (progress) => runTool(argv, this.#toolRun(what, progress)));
  }

  #step(words: { text: string; done: string }, work: (progress: Progress) => Promise<void>): Promise<void> {
    return asStep(this.#context.narrate, { id: `python-${this.#key}-${++this.#steps}`, ...words }, work);
  }

  #toolRun(what: string, progress: Progress): ToolRun {
    const { env, signal, plugin } = this.#context;
    let lines = 0;
    return {
      what,
      key: this.#key,
      cwd: plugin.root,
      env: pythonEnv(env, { PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PYTHONUNBUFFERED: '1' }),
      signal,
      onLine: (line) => progress(++lines, undefined, line.trim()),
      hint,
    };
  }
}

/** Environment variables for programs that run in, or create, a Python environment. */
export const pythonEnv = (env: NodeJS.ProcessEnv, more: Record<string, string>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !misleading.includes(name))),
  ...more,
});

/** What a Python environment depends on outside its folder. */
export const pythonFacts = async (environment: PythonEnvironment): Promise<Record<string, string>> =>
  environment.exists
    ? { venv: environment.folder, python: await realpath(join(environment.folder, 'bin/python')) }
    : {};

/** Whether it is still in the same folder, with the same Python. */
export const environmentUsable = async (facts: Readonly<Record<string, string>>, folder: string): Promise<boolean> => {
  if (facts['venv'] === undefined) return true;
  if (facts['venv'] !== join(folder, 'venv')) return false;
  const now = await realpath(join(facts['venv'], 'bin/python')).catch(() => undefined);
  return now === facts['python'];
};

export const lookForEntryPoint = async (source: PythonSource, folder: string): Promise<Look> => {
  const path = join(folder, 'venv/bin', source.entryPoint);
  const problem = await executableProblem(path);
  if (problem) return { problem: `${source.requirement} does not install a program ${source.entryPoint}` };
  return { path, argv: [path], environment: folder };
};

/** PATH that starts with the programs of an environment. */
export const pathWith = (folder: string, env: NodeJS.ProcessEnv): string =>
  [join(folder, 'venv/bin'), ...(env['PATH'] ? [env['PATH']] : [])].join(delimiter);
