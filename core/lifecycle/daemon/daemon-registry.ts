/** The daemons installed on a machine: one JSON file each, and operations on them by name. */
import { isDeepStrictEqual } from 'node:util';
import { RbeeError } from '../../contract/errors.ts';
import type { DaemonStatus } from '../../contract/states.ts';
import type { Runner } from '../system/runner.ts';
import { Daemon, type DaemonSpec, type DaemonWait } from './daemon.ts';

export interface DaemonRegistryOptions {
  runner: Runner;
  /** Folder of the JSON files. */
  folder: string;
  /** Cleaned before it is passed to a daemon. */
  env: NodeJS.ProcessEnv;
}

/** What a sync did. */
export type SyncStep = 'installed' | 'updated' | 'started' | 'restarted' | 'stopped' | 'removed';

export class DaemonRegistry {
  readonly #options: DaemonRegistryOptions;

  constructor(options: DaemonRegistryOptions) {
    this.#options = options;
  }

  /** Throws ALREADY_INSTALLED, STATE_UNWRITABLE. */
  async install(spec: DaemonSpec): Promise<void> {
    if ((await this.#read(spec.name)) !== null) throw RbeeError.of('ALREADY_INSTALLED', { name: spec.name });
    await this.#write(spec);
  }

  /** Throws NOT_INSTALLED, and STILL_RUNNING while any of its processes exists. */
  async uninstall(name: string): Promise<void> {
    await this.get(name);
    const status = await this.daemon(name).status();
    if (status.status === 'running' || status.status === 'failed') {
      throw RbeeError.of('STILL_RUNNING', { name, pid: 'pid' in status ? status.pid : 'unknown' });
    }
    await this.daemon(name).cleanStale();
    await this.#options.runner.remove(this.#file(name));
  }

  /** Sorted by name. */
  async list(): Promise<DaemonSpec[]> {
    const names = (await this.#names()).sort();
    const specs = await Promise.all(names.map((name) => this.#read(name)));
    return specs.filter((spec) => spec !== null);
  }

  /** Throws NOT_INSTALLED. */
  async get(name: string): Promise<DaemonSpec> {
    const spec = await this.#read(name);
    if (spec !== null) return spec;
    throw RbeeError.of('NOT_INSTALLED', { name, known: (await this.#names()).sort().join(', ') || 'none' });
  }

  async status(name: string): Promise<DaemonStatus> {
    return await this.daemon(name).status();
  }

  /** Stops and uninstalls; succeeds when it is not installed. */
  async delete(name: string, options: DaemonWait = {}): Promise<void> {
    if ((await this.#read(name)) === null) return;
    await this.daemon(name).stop(options);
    await this.uninstall(name);
  }

  /** All other operations; its file is read again for each of them. */
  daemon(name: string): Daemon {
    const { runner, env } = this.#options;
    return new Daemon({ runner, env, spec: () => this.get(name) });
  }

  /** Brings one daemon to the wanted state in as few steps as possible, and returns these steps. */
  async sync(
    spec: DaemonSpec,
    wanted: 'running' | 'stopped' | 'absent',
    options: DaemonWait = {},
  ): Promise<SyncStep[]> {
    const installed = await this.#read(spec.name);
    if (wanted === 'absent') {
      if (installed === null) return [];
      await this.delete(spec.name, options);
      return ['removed'];
    }
    const steps: SyncStep[] = [];
    const daemon = this.daemon(spec.name);
    const changed = !isDeepStrictEqual(installed, JSON.parse(JSON.stringify(spec)));
    if (installed !== null && changed && (await daemon.stop(options))) steps.push('stopped');
    if (changed) {
      await this.#write(spec);
      steps.push(installed === null ? 'installed' : 'updated');
    }
    if (wanted === 'stopped') return (await daemon.stop(options)) ? [...steps, 'stopped'] : steps;
    const { started } = await daemon.ensureRunning(options);
    if (!started) return steps;
    return steps.includes('stopped')
      ? [...steps.filter((step) => step !== 'stopped'), 'restarted']
      : [...steps, 'started'];
  }

  async #names(): Promise<string[]> {
    const files = await this.#options.runner.list(this.#options.folder);
    return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  }

  /** Null for a missing or invalid file, which can be installed again. */
  async #read(name: string): Promise<DaemonSpec | null> {
    const text = await this.#options.runner.read(this.#file(name));
    try {
      const spec = JSON.parse(text ?? 'null') as DaemonSpec | null;
      return spec?.name === name && Array.isArray(spec.argv) && typeof spec.pidFile === 'string' ? spec : null;
    } catch {
      return null;
    }
  }

  async #write(spec: DaemonSpec): Promise<void> {
    await this.#options.runner.write(this.#file(spec.name), `${JSON.stringify(spec, null, 2)}\n`);
  }

  #file(name: string): string {
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
      const hint = 'use lower-case letters, digits and dashes';
      throw RbeeError.of('INVALID_INPUT', {
        what: `daemon name "${name}"`,
        problem: 'it is not a valid file name',
        hint,
      });
    }
    return `${this.#options.folder}/${name}.json`;
  }
}
