/** The dependencies of a plugin, installed by npm into a folder that was made for it. The one file that runs npm. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { localRunner } from '../../lifecycle/local-runner.ts';
import { impatience } from './npm-config.ts';
import { type TreePlan, writeStageRoot } from './stage-root.ts';
import { isThere } from './store.ts';

export interface NpmContext {
  env: NodeJS.ProcessEnv;
  /** The data folder; its `.npmrc` counts. */
  data: string;
  registry?: string;
  offline?: boolean;
  signal?: AbortSignal;
}

export interface TreeTarget {
  os: string;
  cpu: string;
  libc?: string;
}

/**
 * Installs the tree of `plan` into `folder/node_modules`, without running anything of it. With `lock` (the text of an
 * npm lock) it is exactly that tree, else the newest that fits. Gives the npm lock. Errors: NPM_FAILED, NPM_NOT_FOUND.
 */
export const installTree = async (
  folder: string,
  plan: TreePlan,
  { os, cpu, libc }: TreeTarget,
  lock: string | null,
  context: NpmContext,
): Promise<string> => {
  await writeStageRoot(folder, plan);
  if (lock !== null) await writeFile(join(folder, 'package-lock.json'), lock);
  const own = join(context.data, '.npmrc');
  if (await isThere(own)) await copyFile(own, join(folder, '.npmrc'));
  const target = [`--os=${os}`, `--cpu=${cpu}`, ...(libc === undefined ? [] : [`--libc=${libc}`])];
  // A lock names what is in the cache; without one, the newest has to be asked for.
  const rules = ['--ignore-scripts', '--omit=dev', '--omit=peer', '--no-bin-links', '--package-lock'];
  const command = lock === null ? ['install'] : ['ci', '--prefer-offline'];
  await npm([...command, ...rules, ...target], folder, `install the dependencies of ${plan.plugin}`, context);
  return readFile(join(folder, 'package-lock.json'), 'utf8');
};

/** Runs the install scripts of a finished tree: only for users who asked for it. */
export const runScripts = (folder: string, plugin: string, context: NpmContext): Promise<string> =>
  npm(['rebuild', '--ignore-scripts=false', '--foreground-scripts'], folder, `run the scripts of ${plugin}`, context);

/** Packs a folder, or what a git address names, into `destination`; gives the file. Runs no script of it. */
export const packSource = async (spec: string, destination: string, context: NpmContext): Promise<string> => {
  const args = ['pack', spec, '--ignore-scripts', '--json', '--pack-destination', destination];
  const answer = await npm(args, destination, `pack ${spec}`, context);
  const [packed] = JSON.parse(answer.slice(answer.indexOf('['))) as { filename: string }[];
  return join(destination, (packed?.filename ?? '').replace(/^@/, '').replace('/', '-'));
};

const npm = async (args: readonly string[], cwd: string, what: string, context: NpmContext): Promise<string> => {
  const program = await findNpm(context.env);
  if (program === null) throw RbeeError.of('NPM_NOT_FOUND', { what: `to ${what}` });
  const { registry, offline, signal } = context;
  const common = [
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...(registry === undefined ? [] : [`--registry=${registry}`]),
    ...(offline ? ['--offline'] : []),
  ];
  const { code, stdout, stderr } = await localRunner.run([program, ...args, ...common], {
    env: npmEnvironment(context.env),
    cwd,
    signal,
  });
  if (code === 0) return stdout;
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trimEnd())
    .filter((line) => line !== '' && !line.startsWith('A complete log of this run'));
  const problem = lines.find((line) => !/^code /.test(line)) ?? `it ended with ${code}`;
  throw RbeeError.of('NPM_FAILED', { what, problem }, { lines: lines.slice(0, 20) });
};

const findNpm = async (env: NodeJS.ProcessEnv): Promise<string | null> => {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, process.platform === 'win32' ? 'npm.cmd' : 'npm');
    if (await isThere(path)) return path;
  }
  return null;
};

/** Without what npm tells the scripts that it runs: a queen that was started by one must not hand it on. */
const npmEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const own =
    /^(npm_(lifecycle|package|command|node|execpath)|npm_config_(local|global)_prefix$|NODE_OPTIONS$|INIT_CWD$)/;
  const kept = Object.entries(env).filter(([name]) => !own.test(name));
  const patience = Object.entries(impatience).map(([key, value]) => [
    `npm_config_${key.replaceAll('-', '_')}`,
    String(value),
  ]);
  return Object.fromEntries([...patience, ...kept]);
};
