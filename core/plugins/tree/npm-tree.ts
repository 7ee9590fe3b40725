/** Installs a plugin's dependencies with npm into a new folder. The only file that runs npm. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, delimiter, isAbsolute, join } from 'node:path';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { exists } from '../../lifecycle/fs/file-kind.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { npmTimeouts } from '../fetch/npm-config.ts';
import { refusalOf } from '../fetch/registry-access.ts';
import { type TreePlan, writeStageRoot } from './stage-root.ts';
import { type TreeLimits, treeLimits, watchTree } from './tree-watch.ts';

export interface NpmContext {
  env: NodeJS.ProcessEnv;
  /** The data folder; its `.npmrc` is read. */
  data: string;
  registry?: string;
  offline?: boolean;
  signal?: AbortSignal;
  /** Receives the progress of a tree. Absent: progress is not measured. */
  narrate?: Narrate;
  /** Maximum size of a tree. Absent: the default limits. */
  limits?: TreeLimits;
}

export interface TreeTarget {
  os: string;
  cpu: string;
  libc?: string;
}

/**
 * Installs the tree of `plan` into `folder/node_modules` without running any of it. With `lock` (the text of an npm
 * lock) it installs exactly that tree, else the newest matching versions. Returns the npm lock. Progress events use the
 * folder's name as step id. Errors: NPM_FAILED, NPM_NOT_FOUND, PACKAGE_REFUSED if it grows too large.
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
  if (await exists(own)) await copyFile(own, join(folder, '.npmrc'));
  const target = [`--os=${os}`, `--cpu=${cpu}`, ...(libc === undefined ? [] : [`--libc=${libc}`])];
  // With a lock, cached packages suffice; without one, the newest versions must be looked up.
  const rules = ['--ignore-scripts', '--omit=dev', '--omit=peer', '--no-bin-links', '--package-lock'];
  const command = lock === null ? ['install'] : ['ci', '--prefer-offline'];
  const { narrate = () => {}, limits = treeLimits, signal } = context;
  await watchTree({ folder, plugin: plan.plugin, step: basename(folder), limits, narrate, signal }, (watched) => {
    const what = `install the dependencies of ${plan.plugin}`;
    return npm([...command, ...rules, ...target], folder, what, { ...context, signal: watched });
  });
  return readFile(join(folder, 'package-lock.json'), 'utf8');
};

/** Runs the install scripts of a finished tree, only if the user asked for it. */
export const runScripts = (folder: string, plugin: string, context: NpmContext): Promise<string> =>
  npm(['rebuild', '--ignore-scripts=false', '--foreground-scripts'], folder, `run the scripts of ${plugin}`, context);

/** Packs a folder into `destination` without running its scripts; returns the file. */
export const packFolder = async (folder: string, destination: string, context: NpmContext): Promise<string> => {
  const args = ['pack', folder, '--ignore-scripts', '--json', '--pack-destination', destination];
  const answer = await npm(args, destination, `pack ${folder}`, context);
  const [packed] = JSON.parse(answer.slice(answer.indexOf('['))) as { filename: string }[];
  return join(destination, (packed?.filename ?? '').replace(/^@/, '').replace('/', '-'));
};

/** Paths of the files that would be packed, sorted. */
export const packedFiles = async (folder: string, context: NpmContext): Promise<string[]> => {
  const answer = await npm(
    ['pack', '--dry-run', '--ignore-scripts', '--json'],
    folder,
    `list the files of ${folder}`,
    context,
  );
  const [packed] = JSON.parse(answer.slice(answer.indexOf('['))) as { files: { path: string }[] }[];
  return (packed?.files ?? []).map(({ path }) => path).sort();
};

/** Whether the registry that npm uses in `folder` has this version (`name@range`). */
export const isPublished = async (spec: string, folder: string, context: NpmContext): Promise<boolean> => {
  try {
    return (await npm(['view', spec, 'version', '--json'], folder, `look for ${spec}`, context)).trim() !== '';
  } catch (error) {
    context.signal?.throwIfAborted();
    if (error instanceof RbeeError && /^NPM_(FAILED|NOT_FOUND)$/.test(error.code)) return false;
    throw error;
  }
};

const npm = async (args: readonly string[], cwd: string, what: string, context: NpmContext): Promise<string> => {
  const program = await findNpm(context.env);
  if (program === null) throw RbeeError.of('NPM_NOT_FOUND', { what: `to ${what}` });
  const { registry, offline, signal } = context;
  const common = [
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    // Confine npm to this folder, whatever the user's settings.
    '--no-global',
    ...(registry === undefined ? [] : [`--registry=${registry}`]),
    ...(offline ? ['--offline'] : []),
  ];
  const { code, stdout, stderr } = await localRunner.run([program, ...args, ...common], {
    env: npmEnvironment(context.env),
    cwd,
    signal,
  });
  signal?.throwIfAborted();
  if (code === 0) return stdout;
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trimEnd())
    .filter((line) => line !== '' && !line.startsWith('A complete log of this run'));
  const refused = /\b(401|403)\b.*? - GET (https?:\/\/\S+)/.exec(stderr);
  if (refused) throw await deniedTo(what, Number(refused[1]), new URL(refused[2] ?? ''), context);
  const problem = lines.find((line) => !/^code /.test(line)) ?? `it exited with code ${code}`;
  throw RbeeError.of('NPM_FAILED', { what, problem }, { lines: lines.slice(0, 20) });
};

/** Reports a refused dependency in the same way as a refused plugin. */
const deniedTo = async (what: string, status: number, { origin, pathname }: URL, context: NpmContext) => {
  const { env, data, registry: url } = context;
  const name =
    decodeURIComponent(pathname)
      .replace(/\/-\/.*$/, '')
      .match(/(@[^/]+\/)?[^/]+$/)?.[0] ?? pathname;
  const folder = { folder: data, env, ...(url !== undefined && { registry: url }) };
  const { registry, problem, hint } = await refusalOf(status, { registry: `${origin}/`, name }, folder);
  return RbeeError.of('REGISTRY_DENIED', { registry, package: `${name} (to ${what})`, problem, hint });
};

const findNpm = async (env: NodeJS.ProcessEnv): Promise<string | null> => {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, process.platform === 'win32' ? 'npm.cmd' : 'npm');
    if (await exists(path)) return path;
  }
  return null;
};

/** Drop the variables that npm sets for scripts: the queen may have been started by an npm script. */
const npmEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const own =
    /^(npm_(lifecycle|package|command|node|execpath)|npm_config_(local|global)_prefix$|NODE_OPTIONS$|INIT_CWD$)/;
  const kept = Object.entries(env).filter(([name]) => !own.test(name));
  const timeouts = Object.entries(npmTimeouts).map(([key, value]) => [
    `npm_config_${key.replaceAll('-', '_')}`,
    String(value),
  ]);
  return Object.fromEntries([...timeouts, ...kept]);
};
