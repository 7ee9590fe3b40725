/**
 * Puts a process into a scope of its own with limits on memory and CPU: through the user's systemd, else a cgroup v2
 * folder that this user may write. Where there is neither it runs without, and a warning says so.
 */
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Narrate } from '../contract/narration.ts';
import type { Limits } from './process-plan.ts';
import type { Runner } from './runner.ts';

export interface ConfineRequest {
  /** Becomes part of the scope's name. */
  name: string;
  /** Makes the scope's name unique. */
  nonce: string;
  limits: Limits;
  /** Environment of the process. */
  env: NodeJS.ProcessEnv;
  narrate?: Narrate;
}

export interface Confined {
  /** The command that ends up as the same process (same PID) as `argv` alone would. */
  argv: readonly string[];
  /** To be called when the process is gone. Never throws. */
  release(): Promise<void>;
}

export interface ConfinerOptions {
  /** Where cgroup v2 is mounted. */
  cgroups?: string;
  /** Text of /proc/self/cgroup: the group of this process. */
  ownGroup?: () => Promise<string>;
  uid?: number;
}

/** Wraps commands; asks only once what the machine offers. */
export class Confiner {
  readonly #runner: Runner;
  readonly #cgroups: string;
  readonly #ownGroup: () => Promise<string>;
  readonly #uid: number;
  #systemd: Promise<boolean> | undefined;

  constructor(runner: Runner, options: ConfinerOptions = {}) {
    this.#runner = runner;
    this.#cgroups = options.cgroups ?? '/sys/fs/cgroup';
    this.#ownGroup = options.ownGroup ?? (() => readFile('/proc/self/cgroup', 'utf8').catch(() => ''));
    this.#uid = options.uid ?? process.getuid?.() ?? 0;
  }

  async confine(argv: readonly string[], request: ConfineRequest): Promise<Confined> {
    this.#systemd ??= hasUserSystemd(this.#runner, request.env);
    if (await this.#systemd) {
      await this.#warnUndelegated(request);
      return { argv: inScope(argv, request), release: async () => {} };
    }
    if (!isLimited(request.limits)) return { argv, release: async () => {} };
    const folder = await makeGroup(this.#cgroups, await this.#ownGroup(), request);
    if (folder !== null) return { argv: inGroup(argv, folder), release: () => removeGroup(folder) };
    request.narrate?.({
      kind: 'warning',
      text: `${request.name}: the limit on ${limitNames(request.limits)} is not kept here`,
      hint: 'it needs systemd user services, or a cgroup v2 folder that this user may write',
    });
    return { argv, release: async () => {} };
  }

  /** systemd takes properties of controllers that the user's slice does not have, and ignores them. */
  async #warnUndelegated({ name, limits, narrate }: ConfineRequest): Promise<void> {
    if (!isLimited(limits)) return;
    const slice = join(
      this.#cgroups,
      'user.slice',
      `user-${this.#uid}.slice`,
      `user@${this.#uid}.service`,
      'cgroup.controllers',
    );
    const controllers = await readFile(slice, 'utf8').catch(() => null);
    if (controllers === null) return;
    const missing = neededControllers(limits).filter((controller) => !controllers.split(/\s+/).includes(controller));
    if (missing.length === 0) return;
    narrate?.({
      kind: 'warning',
      text: `${name}: the limit on ${missing.join(' and ')} is not kept here`,
      hint: `let systemd delegate it: Delegate=${missing.join(' ')} for user@.service`,
    });
  }
}

const isLimited = ({ memoryBytes, cpus }: Limits): boolean => memoryBytes !== undefined || cpus !== undefined;

const limitNames = (limits: Limits): string => neededControllers(limits).join(' and ');

const neededControllers = ({ memoryBytes, cpus }: Limits): string[] => [
  ...(memoryBytes === undefined ? [] : ['memory']),
  ...(cpus === undefined ? [] : ['cpu']),
];

/** Is there a systemd of this user, and does it make scopes? */
const hasUserSystemd = async (runner: Runner, env: NodeJS.ProcessEnv): Promise<boolean> => {
  const folder = env['XDG_RUNTIME_DIR'];
  if (!folder || !(await runner.list(join(folder, 'systemd'))).includes('private')) return false;
  try {
    const { code } = await runner.run(['systemd-run', '--user', '--scope', '--quiet', '--collect', '--', 'true'], {
      env,
      timeoutMs: 5000,
    });
    return code === 0;
  } catch {
    return false;
  }
};

/** `--scope` replaces itself by the program, so PID, group and environment stay as they are. */
const inScope = (argv: readonly string[], { name, nonce, limits }: ConfineRequest): string[] => [
  'systemd-run',
  '--user',
  '--scope',
  '--quiet',
  '--collect',
  `--unit=rbee-${name}-${nonce.slice(0, 8)}`,
  ...(limits.memoryBytes === undefined ? [] : ['--property', `MemoryMax=${limits.memoryBytes}`]),
  ...(limits.cpus === undefined ? [] : ['--property', `CPUQuota=${Math.max(1, Math.round(limits.cpus * 100))}%`]),
  '--',
  ...argv,
];

/** The shell writes its own PID into the group and becomes the program: not one instruction of it runs outside. */
const inGroup = (argv: readonly string[], folder: string): string[] => [
  '/bin/sh',
  '-c',
  'echo $$ > "$0" && exec "$@"',
  join(folder, 'cgroup.procs'),
  ...argv,
];

/** Beside or below the group of this process; null where that is not allowed. */
const makeGroup = async (
  cgroups: string,
  ownGroup: string,
  { name, nonce, limits }: ConfineRequest,
): Promise<string | null> => {
  const own = /^0::(\/.*)$/m.exec(ownGroup)?.[1];
  if (own === undefined) return null;
  const parents = own === '/' ? [own] : [own, dirname(own)];
  for (const parent of parents) {
    const folder = join(cgroups, parent, `rbee-${name}-${nonce.slice(0, 8)}`);
    if (!(await offers(join(cgroups, parent), limits))) continue;
    try {
      await mkdir(folder);
      if (limits.memoryBytes !== undefined) await writeFile(join(folder, 'memory.max'), String(limits.memoryBytes));
      if (limits.cpus !== undefined)
        await writeFile(join(folder, 'cpu.max'), `${Math.max(1000, Math.round(limits.cpus * 100_000))} 100000`);
      return folder;
    } catch {
      await removeGroup(folder);
    }
  }
  return null;
};

const offers = async (folder: string, limits: Limits): Promise<boolean> => {
  const passedOn = await readFile(join(folder, 'cgroup.subtree_control'), 'utf8').catch(() => '');
  return neededControllers(limits).every((controller) => passedOn.split(/\s+/).includes(controller));
};

const removeGroup = (folder: string): Promise<void> => rmdir(folder).catch(() => {});
