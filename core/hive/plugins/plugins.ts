/** The plugins of this hive: what is asked of the installer, seen with the workers and devices of this machine. */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginUpdate } from '../../contract/plugins.ts';
import type { InstalledPlugins } from '../../registry/install/installed-plugins.ts';
import type { Installer } from '../../registry/install/installer.ts';
import type { Call, InstallRequest } from '../../registry/install/installer-options.ts';
import { packagesOfType } from '../../registry/install/request.ts';
import { notDelivered } from '../../registry/install/wanted-delivery.ts';
import type { IndexEntry } from '../../registry/plugin-index.ts';
import type { WorkerTypes } from '../../registry/worker-types.ts';
import type { Workers } from '../workers/workers.ts';
import type { Inspection } from './inspect.ts';
import type { ProgramCollection } from './program-collection.ts';
import type { Programs } from './programs.ts';

export interface PluginsOptions {
  /** Alias of this hive. */
  hive: string;
  /** What is here. */
  installed: InstalledPlugins;
  /** For what comes from registries; null where the queen brings everything. */
  installer: (() => Promise<Installer>) | null;
  inspection: Inspection;
  programs: Programs;
  collection: ProgramCollection;
  types: WorkerTypes;
  workers: () => Workers;
}

type Actions = {
  [Action in PluginAction]: (request: PluginRequestOf<Action>, call: Call) => Promise<PluginResults[Action]>;
};

export class Plugins implements Actions {
  readonly #options: PluginsOptions;

  constructor(options: PluginsOptions) {
    this.#options = options;
  }

  async install(request: InstallRequest, call: Call) {
    const { plugin, variant } = request;
    const more = variant === undefined ? {} : { variant };
    return (await this.#installer(plugin, more)).install(request, call);
  }

  async link({ folder }: PluginRequestOf<'link'>, call: Call) {
    return this.#options.installed.link(folder, call);
  }

  async import(request: PluginRequestOf<'import'>, call: Call) {
    return this.#options.installed.import(request, call);
  }

  async prepare(request: PluginRequestOf<'prepare'>, call: Call) {
    return this.#options.programs.prepare(request, call);
  }

  async needs(request: PluginRequestOf<'needs'>, _call: Call) {
    return this.#options.programs.needs(request);
  }

  /** Errors: NOT_INSTALLED, PLUGIN_IN_USE. */
  async uninstall({ plugin, force }: PluginRequestOf<'uninstall'>, call: Call) {
    const { installed } = this.#options;
    const entry = await installed.find(plugin);
    const running = this.#usersOf(entry);
    if (running.length > 0 && !force) {
      throw RbeeError.of('PLUGIN_IN_USE', { plugin: entry.name, workers: running.join(' ') });
    }
    for (const id of running) await this.#options.workers().stop(id, call);
    return installed.uninstall(entry.name, call);
  }

  /** One plugin that cannot be updated keeps no other from it. */
  async update({ plugins, ...request }: PluginRequestOf<'update'>, call: Call) {
    const installer = await this.#installer(plugins?.[0] ?? 'what is newer');
    const names = plugins ?? (await installer.list()).map(({ name }) => name);
    const updates: PluginUpdate[] = [];
    for (const name of names) {
      try {
        updates.push(await installer.update(name, request, call));
      } catch (error) {
        call.signal.throwIfAborted();
        if (!(error instanceof RbeeError) || names.length === 1) throw error;
        call.narrate({ kind: 'warning', text: `${name} was not updated: ${error.message}`, hint: error.hint });
        updates.push({ name, from: '', to: '', changed: false, note: error.message, failed: true });
      }
    }
    return { updates };
  }

  async inspect(request: PluginRequestOf<'inspect'>, call: Call) {
    if (await this.#options.types.has(request.plugin)) return this.#options.inspection.known(request.plugin);
    return this.#options.inspection.found(await (await this.#installer(request.plugin)).look(request, call));
  }

  async search({ text = '', offline }: PluginRequestOf<'search'>, { signal }: Call) {
    return { plugins: await (await this.#installer(text || 'the list of plugins')).search(text, { offline, signal }) };
  }

  /** The plugins first: what only they named goes as well. */
  async prune(request: PluginRequestOf<'prune'>, call: Call) {
    const { removed, bytes } = await this.#options.installed.prune(request);
    const { programs, downloads, bytes: more } = await this.#options.collection.collect(request, call);
    return { removed, programs, downloads, bytes: bytes + more };
  }

  async list(_request: PluginRequestOf<'list'>, _call: Call) {
    return { plugins: await this.#options.installed.list() };
  }

  /**
   * Installs a type that a spawn asks for and that is not here. Errors: TYPE_NOT_FOUND with the reason, trust's, and
   * PLUGIN_NOT_DELIVERED.
   */
  async installType(type: string, { variant, ...call }: Call & { variant?: string | undefined }): Promise<void> {
    const plugin = type.includes('/') ? type : packagesOfType(type).length > 0 ? type : null;
    // A name that is nearly right is a slip of the pen, and not to be looked for in a registry.
    if (plugin === null || this.#options.types.near(type).length > 0) return;
    const more = variant === undefined ? {} : { variant };
    const installer = await this.#installer(type, more);
    call.narrate({
      kind: 'info',
      text: `worker type ${type} is not installed on hive ${this.#options.hive}: installing it`,
    });
    try {
      await installer.install({ plugin, ...more, ownOnly: !type.includes('/') }, call);
    } catch (error) {
      if (!(error instanceof RbeeError)) throw error;
      if (error.code === 'PUBLISHER_UNKNOWN') throw this.#notLetIn(plugin, error);
      if (!/^(PACKAGE_NOT_FOUND|REGISTRY_UNREACHABLE|INVALID_INPUT)$/.test(error.code)) throw error;
      throw await this.#typeNotFound(type, error);
    }
  }

  /** Installs a variant of a type that is here. */
  async installVariant(plugin: string, variant: string, call: Call): Promise<void> {
    await (await this.#installer(plugin, { variant })).install({ plugin, variant }, call);
  }

  /** Errors: PLUGIN_NOT_DELIVERED where the queen is to bring it. */
  async #installer(plugin: string, more: { variant?: string } = {}): Promise<Installer> {
    const { installer, hive } = this.#options;
    if (installer) return installer();
    throw notDelivered(hive, { plugin, ...more });
  }

  /** What asked for the type has no flag that lets a publisher in. */
  #notLetIn(plugin: string, error: RbeeError): RbeeError {
    const { hive } = this.#options;
    const where = hive === 'local' ? '' : ` --hive ${hive}`;
    const look = `look at it with: rbee plugins inspect ${plugin}${where}`;
    const hint = `${look}, and if you trust them: rbee plugins install ${plugin} --yes${where}`;
    return RbeeError.from({ ...error.toJSON(), hint });
  }

  async #typeNotFound(type: string, cause: RbeeError): Promise<unknown> {
    try {
      await this.#options.types.get(type);
      return cause;
    } catch (error) {
      if (!(error instanceof RbeeError) || error.code !== 'TYPE_NOT_FOUND') return error;
      const body = error.toJSON();
      return RbeeError.from({ ...body, message: `${body.message}, and it could not be installed: ${cause.message}` });
    }
  }

  /** Workers whose process may be alive. */
  #usersOf({ name }: IndexEntry): string[] {
    return this.#options
      .workers()
      .list()
      .filter(({ plugin, state }) => plugin === name && state !== 'stopped' && state !== 'failed')
      .map(({ id }) => id);
  }
}
