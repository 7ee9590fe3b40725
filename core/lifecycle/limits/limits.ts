/**
 * Runs a process in its own scope with limits on memory and CPU: through the user's systemd, otherwise in a cgroup v2
 * folder that this user may write. A limit that cannot be enforced is refused.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { localRunner } from '../system/local-runner.ts';
import type { Runner } from '../system/runner.ts';
import { groupName, RunGroup } from './run-group.ts';

/** What a process may use. A limit that the system cannot enforce is refused. */
export interface Limits {
  memoryBytes?: number;
  cpus?: number;
}

export interface ConfineRequest {
  /** Becomes part of the scope's name. */
  name: string;
  /** Makes the scope's name unique. */
  nonce: string;
  limits: Limits;
  /** Environment of the process. */
  env: NodeJS.ProcessEnv;
}

export interface Confined {
  /** The command that becomes the same process (same PID) as `argv` alone would. */
  argv: readonly string[];
  /** Folder of the control group created for it; null where systemd creates one, or there is none. */
  folder: string | null;
}

export interface ConfinerOptions {
  /** Where cgroup v2 is mounted. */
  cgroups?: string;
  /** Text of /proc/self/cgroup: the group of this process. */
  ownGroup?: () => Promise<string>;
  uid?: number;
}

/** Wraps commands, and examines the machine only once. */
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

  /** Checks whether these limits can be enforced. Throws LIMIT_UNENFORCEABLE. */
  async check(request: Omit<ConfineRequest, 'nonce'>): Promise<void> {
    if (!isLimited(request.limits)) return;
    const run = { ...request, nonce: randomBytes(8).toString('hex') };
    const { folder } = await this.confine([], run);
    await this.groupOf({ ...run, folder }).release();
  }

  /** Throws LIMIT_UNENFORCEABLE. */
  async confine(argv: readonly string[], request: ConfineRequest): Promise<Confined> {
    this.#systemd ??= hasUserSystemd(this.#runner, request.env);
    if (await this.#systemd) {
      await this.#refuseUndelegated(request);
      return { argv: inScope(argv, request), folder: null };
    }
    if (!isLimited(request.limits)) return { argv, folder: null };
    const folder = await makeGroup(this.#cgroups, await this.#ownGroup(), request);
    if (folder !== null) return { argv: inGroup(argv, folder), folder };
    throw RbeeError.of('LIMIT_UNENFORCEABLE', {
      worker: request.name,
      what: neededControllers(request.limits).join(' and '),
      problem:
        'its machine has neither systemd user services nor a cgroup v2 folder that the user of the hive can write',
      hint: 'omit the limit, or enable systemd services for that user (usually: loginctl enable-linger) and restart the queen',
    });
  }

  /** The control group of a run, looked up on each use. `folder` comes from its `Confined`. */
  groupOf(run: { name: string; nonce: string; folder?: string | null }): RunGroup {
    return new RunGroup(run, async () => {
      const scope = `${groupName(run)}.scope`;
      // systemd versions before 2020 use the second path.
      const scopes = [join(this.#userService, 'app.slice', scope), join(this.#userService, scope)];
      return run.folder ? [run.folder, ...scopes] : scopes;
    });
  }

  get #userService(): string {
    return join(this.#cgroups, 'user.slice', `user-${this.#uid}.slice`, `user@${this.#uid}.service`);
  }

  /** systemd accepts properties whose controllers the user's slice does not have, and ignores them. */
  async #refuseUndelegated({ name, limits }: ConfineRequest): Promise<void> {
    if (!isLimited(limits)) return;
    const controllers = await readFile(join(this.#userService, 'cgroup.controllers'), 'utf8').catch(() => null);
    if (controllers === null) return;
    const missing = neededControllers(limits).filter((controller) => !controllers.split(/\s+/).includes(controller));
    if (missing.length === 0) return;
    throw RbeeError.of('LIMIT_UNENFORCEABLE', {
      worker: name,
      what: missing.join(' and '),
      problem: 'systemd does not delegate it to services of the user that runs the hive',
      hint: `omit the limit, or have systemd delegate it: Delegate=${missing.join(' ')} for user@.service`,
    });
  }
}

/** Shared by everything that starts processes on this machine. */
export const localConfiner = new Confiner(localRunner);

const isLimited = ({ memoryBytes, cpus }: Limits): boolean => memoryBytes !== undefined || cpus !== undefined;

const neededControllers = ({ memoryBytes, cpus }: Limits): string[] => [
  ...(memoryBytes === undefined ? [] : ['memory']),
  ...(cpus === undefined ? [] : ['cpu']),
];

/** Whether this user has a systemd that can create scopes. */
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

/** With `--scope`, systemd-run replaces itself with the program, so PID, group and environment stay the same. */
const inScope = (argv: readonly string[], { limits, ...run }: ConfineRequest): string[] => [
  'systemd-run',
  '--user',
  '--scope',
  '--quiet',
  '--collect',
  `--unit=${groupName(run)}`,
  ...(limits.memoryBytes === undefined ? [] : ['--property', `MemoryMax=${limits.memoryBytes}`]),
  ...(limits.cpus === undefined ? [] : ['--property', `CPUQuota=${Math.max(1, Math.round(limits.cpus * 100))}%`]),
  '--',
  ...argv,
];

/** The shell adds itself to the group and then becomes the program, so that the program never runs outside of it. */
const inGroup = (argv: readonly string[], folder: string): string[] => [
  '/bin/sh',
  '-c',
  'echo $$ > "$0" && exec "$@"',
  join(folder, 'cgroup.procs'),
  ...argv,
];

/** Beside or below the group of this process; null where that is not permitted. */
const makeGroup = async (
  cgroups: string,
  ownGroup: string,
  { limits, ...run }: ConfineRequest,
): Promise<string | null> => {
  const own = /^0::(\/.*)$/m.exec(ownGroup)?.[1];
  if (own === undefined) return null;
  const parents = own === '/' ? [own] : [own, dirname(own)];
  for (const parent of parents) {
    const folder = join(cgroups, parent, groupName(run));
    if (!(await offers(join(cgroups, parent), limits))) continue;
    try {
      await mkdir(folder);
      if (limits.memoryBytes !== undefined) await writeFile(join(folder, 'memory.max'), String(limits.memoryBytes));
      if (limits.cpus !== undefined)
        await writeFile(join(folder, 'cpu.max'), `${Math.max(1000, Math.round(limits.cpus * 100_000))} 100000`);
      return folder;
    } catch {
      await rmdir(folder).catch(() => {});
    }
  }
  return null;
};

const offers = async (folder: string, limits: Limits): Promise<boolean> => {
  const passedOn = await readFile(join(folder, 'cgroup.subtree_control'), 'utf8').catch(() => '');
  return neededControllers(limits).every((controller) => passedOn.split(/\s+/).includes(controller));
};
