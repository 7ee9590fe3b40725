/** A plugin in detail: its options, whether its variants fit this machine and why not, or its entry in a registry. */
import type { PluginDetails, PluginTypeDetails } from '../../contract/plugins.ts';
import type { HostFacts } from '../../contract/worker-type/worker-type.ts';
import type { FoundPackage } from '../../plugins/fetch/fetch-calls.ts';
import { typesOf } from '../../plugins/fetch/plugin-types.ts';
import { signatureText } from '../../plugins/fetch/trust.ts';
import { readIndex } from '../../plugins/plugin-index.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import { variantFit } from '../../worker-types/variant-fit.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Machine } from '../machine.ts';

export interface InspectionOptions {
  data: string;
  types: WorkerTypes;
  machine: Machine;
}

export class Inspection {
  readonly #options: InspectionOptions;

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  /** An installed plugin, by its package, type or alias. */
  async known(name: string): Promise<PluginDetails> {
    const { types, data } = this.#options;
    const { plugin } = await types.get(name);
    const entries = types.list().filter((entry) => entry.plugin === plugin.package && entry.fault === undefined);
    const index = (await readIndex(data)).find((entry) => entry.name === plugin.package);
    const host = await this.#host();
    return {
      name: plugin.package,
      version: plugin.version,
      description: plugin.description,
      license: plugin.license ?? null,
      publisher: index?.publisher ?? null,
      registry: index?.registry ?? null,
      integrity: index?.integrity ?? null,
      signature: index?.signature ?? '',
      source: entries[0]?.source ?? null,
      root: plugin.root,
      types: await Promise.all(entries.map(async ({ type }) => this.#type(await types.get(type), host))),
    };
  }

  /** A plugin that is not installed; none of its code is run. */
  async found(found: FoundPackage): Promise<PluginDetails> {
    const { publisher } = found;
    return {
      name: found.name,
      version: found.version,
      description: found.description,
      license: found.license,
      publisher: publisher.account ?? publisher.id,
      registry: found.registry,
      integrity: found.integrity,
      signature: signatureText(found),
      source: null,
      root: null,
      types: typesOf(found.rbee).map(({ type, variants, serves }) => ({
        type,
        aliases: [],
        summary: '',
        serves,
        variants: variants.map((id) => ({ id, installed: false, fits: null, reasons: [] })),
        options: null,
      })),
    };
  }

  async #type(handle: WorkerTypeHandle, host: HostFacts): Promise<PluginTypeDetails> {
    const type = await handle.describe();
    const { manifest } = handle;
    const variants = type.variants.map(async ({ id }) => ({
      id,
      installed: this.#options.types.rootOf(type.name, id) !== null,
      ...(await variantFit(handle, type, id, host)),
    }));
    return {
      type: type.name,
      aliases: manifest.aliases ?? [],
      summary: type.summary ?? manifest.summary ?? '',
      serves: type.serves.map(({ path }) => path),
      variants: await Promise.all(variants),
      options: Object.entries(type.options?.properties ?? {}).map(([name, option]) => ({
        name,
        type: option.secret === true ? 'secret' : option.type,
        default: option.default ?? null,
        description: option.description,
      })),
      environment: type.environment ?? [],
    };
  }

  async #host(): Promise<HostFacts> {
    const { devices, host } = await this.#options.machine.facts();
    return { ...host, devices, probes: {} };
  }
}
