/** Finds and installs the program of a variant, independently of any worker. */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginRequestOf, PreparedProgram } from '../../contract/plugins.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';
import type { ModelFormat, ResolvedBinary } from '../../contract/worker-type/worker-type.ts';
import type { Call } from '../../plugins/install/installer-options.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { DownloadCache } from '../../programs/download-cache.ts';
import { resolveOptions } from '../../worker-types/worker-options.ts';
import type { Machine } from '../machine.ts';
import { type AssessContext, lookForVariant, type VariantUse } from './assess-variant.ts';
import { installProgram } from './find-program.ts';

export interface ProgramsOptions extends AssessContext {
  types: WorkerTypes;
  machine: Pick<Machine, 'facts'>;
  fetcher: DownloadCache;
}

type Request = PluginRequestOf<'prepare'>;

export class Programs {
  readonly #options: ProgramsOptions;

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  /**
   * Installs the program unless it is present. Throws TYPE_NOT_FOUND, VARIANT_NOT_FOUND, NOT_INSTALLED, OPTION_INVALID,
   * VARIANT_INCOMPATIBLE, BINARY_NOT_FOUND, and the errors of an installation.
   */
  async prepare(request: Request, { narrate, signal }: Call): Promise<PreparedProgram> {
    const { folders, env, fetcher, types } = this.#options;
    const { variant } = request;
    const use = await this.#use(request);
    const { type, handle } = use;
    const resolved = ({ id, path }: ResolvedBinary) => ({ type: type.name, variant, source: id, program: path });
    const look = await lookForVariant(variant, use, this.#options);
    if (look.state === 'unfit') throw look.error;
    if (look.state === 'installed') return resolved(look.binary);
    const root = types.rootOf(type.name, variant);
    if (root === null || !('sources' in look)) {
      const here = type.variants.filter(({ id }) => types.rootOf(type.name, id) !== null).map(({ id }) => id);
      throw RbeeError.of('NOT_INSTALLED', { name: `${type.name} (${variant})`, known: here.join(', ') || 'none' });
    }
    const { package: owner, version } = handle.plugin;
    const plugin = { package: owner, version, root };
    return resolved(await installProgram(look.sources, { plugin, folders, env, narrate, signal, fetcher }));
  }

  /** Throws TYPE_NOT_FOUND, VARIANT_NOT_FOUND, OPTION_INVALID, VARIANT_INCOMPATIBLE, BINARY_NOT_FOUND, PLUGIN_INVALID. */
  async needs(request: Request): Promise<HiveNeed | null> {
    const look = await lookForVariant(request.variant, await this.#use(request), this.#options);
    if (look.state === 'unfit') throw look.error;
    return look.state === 'lacking' ? look.need : null;
  }

  async #use({ plugin: name, variant, options, format }: Request): Promise<VariantUse> {
    const { types, machine } = this.#options;
    const handle = await types.get(name);
    const type = await handle.describe();
    const known = type.variants.map(({ id }) => id);
    if (!known.includes(variant))
      throw RbeeError.of('VARIANT_NOT_FOUND', { type: type.name, variant, known: known.join(', ') });
    const { devices, host } = await machine.facts();
    return {
      handle,
      type,
      options: resolveOptions(type, options),
      // The type or the hive itself has named it in the check before.
      format: format as ModelFormat | undefined,
      host: { ...host, devices, probes: {} },
    };
  }
}
