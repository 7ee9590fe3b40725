/** The program of a variant before any worker needs it: what it would take to have it here, and having it. */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginRequestOf, PreparedProgram, ProgramNeeds } from '../../contract/plugins.ts';
import type { BinarySource, HostFacts } from '../../contract/worker-type.ts';
import type { BinaryContext } from '../../registry/binaries/context.ts';
import type { Fetcher } from '../../registry/binaries/fetcher.ts';
import { isInstallable, lookForBinary } from '../../registry/binaries/installer.ts';
import { checkSource } from '../../registry/binaries/source-check.ts';
import type { TypeDescription } from '../../registry/description.ts';
import type { Call } from '../../registry/install/installer-options.ts';
import { variantFit } from '../../registry/variant-fit.ts';
import { resolveOptions } from '../../registry/worker-options.ts';
import type { WorkerTypeHandle } from '../../registry/worker-type-handle.ts';
import type { WorkerTypes } from '../../registry/worker-types.ts';
import type { Machine } from '../machine.ts';
import { findBinary } from '../workers/binary.ts';

export interface ProgramsOptions {
  /** Alias of this hive. */
  hive: string;
  folders: BinaryContext['folders'];
  env: NodeJS.ProcessEnv;
  types: WorkerTypes;
  machine: Pick<Machine, 'facts'>;
  fetcher: Fetcher;
}

/** The variant that is meant, and where its program may come from. */
interface Meant {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  variant: string;
  host: HostFacts;
  sources: readonly BinarySource[];
  plugin: BinaryContext['plugin'];
}

type Request = PluginRequestOf<'prepare'>;

export class Programs {
  readonly #options: ProgramsOptions;

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  /**
   * Installs it as the first spawn would. Errors: TYPE_NOT_FOUND, VARIANT_NOT_FOUND, OPTION_INVALID, VARIANT_UNFIT,
   * BINARY_NOT_FOUND, and those of installing.
   */
  async prepare(request: Request, { narrate, signal }: Call): Promise<PreparedProgram> {
    const { hive, folders, env, fetcher } = this.#options;
    const { handle, type, variant, host, sources, plugin } = await this.#meant(request);
    const unfit = async () => {
      const { fits, reasons } = await variantFit(handle, type, variant, host);
      const hint = 'choose another variant; see: rbee hive devices';
      const details = { type: type.name, variant, hive, reasons: reasons.join('; '), hint };
      return fits ? undefined : RbeeError.of('VARIANT_UNFIT', details);
    };
    const context = { plugin, folders, env, narrate, signal, fetcher };
    const search = await findBinary(sources, context, { notWorthIt: unfit });
    if (search.found) return { type: type.name, variant, source: search.found.id, program: search.found.path };
    if (search.error) throw search.error;
    const { os, cpu } = host.platform;
    const tried = search.tried.join('; ') || `it names none for ${os} ${cpu}`;
    const hint = 'install the program, or choose another variant';
    throw RbeeError.of('BINARY_NOT_FOUND', { type: type.name, variant, hive, tried, hint });
  }

  /** Changes nothing. Errors: TYPE_NOT_FOUND, VARIANT_NOT_FOUND, OPTION_INVALID, PLUGIN_INVALID. */
  async needs(request: Request): Promise<ProgramNeeds> {
    const { folders, env } = this.#options;
    const { sources, plugin } = await this.#meant(request);
    const context = { plugin, folders, env };
    const looks = sources.map((source) => lookForBinary(source, context));
    const ready = (await Promise.all(looks)).some((look) => !('problem' in look));
    const wanted = sources.filter(isInstallable).map((source) => checkSource(source, plugin));
    return { ready, sources: wanted.map(({ id }) => ({ id })) };
  }

  async #meant({ plugin: name, variant, options }: Request): Promise<Meant> {
    const { types, machine } = this.#options;
    const handle = await types.get(name);
    const type = await handle.describe();
    const known = type.variants.map(({ id }) => id);
    if (!known.includes(variant))
      throw RbeeError.of('VARIANT_NOT_FOUND', { type: type.name, variant, known: known.join(', ') });
    const root = types.rootOf(type.name, variant);
    if (root === null) {
      const here = known.filter((id) => types.rootOf(type.name, id) !== null);
      throw RbeeError.of('NOT_INSTALLED', { name: `${type.name} (${variant})`, known: here.join(', ') || 'none' });
    }
    const { devices, host } = await machine.facts();
    const { package: owner, version } = handle.plugin;
    const request = { platform: host.platform, version, options: resolveOptions(type, options) };
    return {
      handle,
      type,
      variant,
      host: { ...host, devices, probes: {} },
      sources: await handle.resolveBinary(variant, request),
      plugin: { package: owner, version, root },
    };
  }
}
