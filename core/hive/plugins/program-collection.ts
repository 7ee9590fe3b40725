/** Removes programs that no installed plugin needs on this machine and that no worker uses. */
import type { PluginRequestOf } from '../../contract/plugins.ts';
import type { Call } from '../../plugins/install/installer.ts';
import { readIndex } from '../../plugins/plugin-index.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import { type Collected, collectPrograms } from '../../programs/collect.ts';
import type { BinaryContext } from '../../programs/context.ts';
import { type ProgramsInUse, programsOf } from '../../programs/in-use.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { readManifest } from '../../worker-types/manifest.ts';
import { resolveOptions } from '../../worker-types/worker-options.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Machine } from '../machine.ts';
import { usedByRuns } from './roots-in-use.ts';

export interface ProgramCollectionOptions {
  folders: BinaryContext['folders'];
  /** Folder of this machine's run records. */
  runs: string;
  env: NodeJS.ProcessEnv;
  types: WorkerTypes;
  machine: Pick<Machine, 'facts'>;
}

/** A worker type, and the folder of one of its variants. */
interface Version {
  handle: WorkerTypeHandle;
  rootOf: (variant: string) => string;
}

export class ProgramCollection {
  readonly #options: ProgramCollectionOptions;

  constructor(options: ProgramCollectionOptions) {
    this.#options = options;
  }

  /** Removes nothing while any plugin cannot say what it uses. */
  async collect(
    { all = false, dryRun }: PluginRequestOf<'prune'>,
    { narrate, signal }: Pick<Call, 'narrate' | 'signal'>,
  ): Promise<Collected> {
    const keys = new Set<string>();
    const downloads = new Set<string>();
    try {
      for (const version of await this.#versions(!all)) {
        const used = await this.#usedBy(version, signal);
        for (const key of used.keys) keys.add(key);
        for (const sum of used.downloads) downloads.add(sum);
      }
    } catch (error) {
      signal.throwIfAborted();
      const text = `no program was removed, because it is unknown which are needed: ${(error as Error).message}`;
      narrate({ kind: 'warning', text });
      return { programs: [], downloads: [], bytes: 0 };
    }
    const { folders, runs } = this.#options;
    const { paths } = await usedByRuns(runs);
    return collectPrograms(folders, { keys, downloads, paths }, { dryRun, signal });
  }

  /** The types of all plugins; with `previous`, also of the versions before an update. */
  async #versions(previous: boolean): Promise<Version[]> {
    const { types, folders } = this.#options;
    const current: Version[] = [];
    for (const { type } of types.list()) {
      const handle = await types.get(type);
      current.push({ handle, rootOf: (variant) => types.rootOf(type, variant) ?? handle.plugin.root });
    }
    if (!previous) return current;
    const replaced: Version[] = [];
    for (const { previous: before } of await readIndex(folders.data)) {
      const roots = new Map(Object.entries(before?.variants ?? {}));
      const [root] = roots.values();
      if (root === undefined) continue;
      for (const { name } of (await readManifest(root)).workerTypes) {
        replaced.push({ handle: await types.reopen(root, name), rootOf: (variant) => roots.get(variant) ?? root });
      }
    }
    return [...current, ...replaced];
  }

  async #usedBy({ handle, rootOf }: Version, signal: AbortSignal): Promise<ProgramsInUse> {
    const { folders, env, machine } = this.#options;
    const { platform } = (await machine.facts()).host;
    const type = await handle.describe();
    const { package: name, version } = handle.plugin;
    const keys = new Set<string>();
    const downloads = new Set<string>();
    for (const { id } of type.variants) {
      const plugin = { package: name, version, root: rootOf(id) };
      for (const options of likelyOptions(type)) {
        signal.throwIfAborted();
        const sources = await handle.resolveBinary(id, { platform, version, options });
        const used = await programsOf(sources, { plugin, folders, env });
        for (const key of used.keys) keys.add(key);
        for (const sum of used.downloads) downloads.add(sum);
      }
    }
    return { keys, downloads };
  }
}

/** The defaults, and each choice that an option offers, since it may need another program. */
const likelyOptions = (type: Pick<TypeDescription, 'name' | 'options'>): Record<string, unknown>[] => {
  const defaults = resolveOptions(type);
  const choices = Object.entries(type.options?.properties ?? {}).flatMap(([name, option]) => {
    const values = option.type === 'boolean' ? [true, false] : option.type === 'array' ? [] : (option.enum ?? []);
    return values.filter((value) => value !== defaults[name]).map((value) => ({ ...defaults, [name]: value }));
  });
  return [defaults, ...choices];
};
