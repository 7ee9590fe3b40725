/** The plugins of this hive: operations of the installer, in view of this machine's workers and devices. */
import { RbeeError } from '../../contract/errors.ts';
import type { PluginAction, PluginRequestOf, PluginResults, PluginUpdate } from '../../contract/plugins.ts';
import type { HiveNeed, UnknownPublisher } from '../../contract/worker-type/needs.ts';
import { packagesOfType } from '../../plugins/fetch/request.ts';
import type { InstalledPlugins } from '../../plugins/install/installed-plugins.ts';
import type { Installer } from '../../plugins/install/installer.ts';
import type { Call, InstallRequest } from '../../plugins/install/installer-options.ts';
import type { IndexEntry } from '../../plugins/plugin-index.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { Programs } from '../programs/programs.ts';
import type { Workers } from '../workers/workers.ts';
import type { Inspection } from './inspect.ts';
import type { ProgramCollection } from './program-collection.ts';

export interface PluginsOptions {
  /** Alias of this hive. */
  hive: string;
  /** Installed plugins. */
  installed: InstalledPlugins;
  /** Installs from registries; null where the queen delivers everything. */
  installer: (() => Promise<Installer>) | null;
  inspection: Inspection;
  programs: Programs;
  collection: ProgramCollection;
  types: WorkerTypes;
  workers: () => Workers;
}

type PluginNeed = Extract<HiveNeed, { kind: 'plugin' }>;

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
    return (await this.#installer(variant === undefined ? plugin : `${plugin} (${variant})`)).install(request, call);
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

  /** Throws NOT_INSTALLED, PLUGIN_IN_USE. */
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

  /** A plugin that cannot be updated does not block the others. */
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

  /** Plugins come first, so that what only they used is removed too. */
  async prune(request: PluginRequestOf<'prune'>, call: Call) {
    const { removed, bytes } = await this.#options.installed.prune(request);
    const { programs, downloads, bytes: more } = await this.#options.collection.collect(request, call);
    return { removed, programs, downloads, bytes: bytes + more };
  }

  async list(_request: PluginRequestOf<'list'>, _call: Call) {
    return { plugins: await this.#options.installed.list() };
  }

  /** What an installation would involve; null when it is installed. */
  async needs({ plugin, ...request }: Pick<InstallRequest, 'plugin' | 'variant' | 'offline' | 'force'>, call: Call) {
    const { installer } = this.#options;
    if (!installer) return { kind: 'plugin' as const, plugin };
    const wanted = await (await installer()).wanted({ plugin, ...request }, quiet(call));
    return wanted && needOf(wanted);
  }

  /** What to install for a missing type. Throws TYPE_NOT_FOUND with the reason, SCOPE_NOT_ALLOWED. */
  async typeNeeds(type: string, call: Call): Promise<PluginNeed> {
    const { installer, types } = this.#options;
    const isNamed = type.includes('/');
    // A nearly correct name is a typing error, not something to look up in a registry.
    if (!isNamed && packagesOfType(type).length === 0) throw await this.#typeNotFound(type);
    if (types.near(type).length > 0) throw await this.#typeNotFound(type);
    if (!installer) return { kind: 'plugin', plugin: type };
    try {
      const wanted = await (await installer()).wanted({ plugin: type, force: true, ownOnly: !isNamed }, quiet(call));
      return needOf(wanted ?? { name: type });
    } catch (error) {
      if (!(error instanceof RbeeError)) throw error;
      if (!/^(PACKAGE_NOT_FOUND|REGISTRY_UNREACHABLE|INVALID_INPUT)$/.test(error.code)) throw error;
      throw await this.#typeNotFound(type, error);
    }
  }

  programNeeds(request: PluginRequestOf<'prepare'>): Promise<HiveNeed | null> {
    return this.#options.programs.needs(request);
  }

  /** Throws PLUGIN_NOT_DELIVERED where the queen must deliver it. */
  async #installer(what: string): Promise<Installer> {
    const { installer, hive } = this.#options;
    if (installer) return installer();
    throw RbeeError.of('PLUGIN_NOT_DELIVERED', { hive, what });
  }

  /** The fault of the type, or that it does not exist, and why it could not be installed. */
  async #typeNotFound(type: string, cause?: RbeeError): Promise<unknown> {
    try {
      await this.#options.types.get(type);
      return cause;
    } catch (error) {
      if (!(error instanceof RbeeError) || error.code !== 'TYPE_NOT_FOUND' || !cause) return error;
      const body = error.toJSON();
      return RbeeError.from({ ...body, message: `${body.message}, and it could not be installed: ${cause.message}` });
    }
  }

  /** Workers that may have a running process. */
  #usersOf({ name }: IndexEntry): string[] {
    return this.#options
      .workers()
      .list()
      .filter(({ plugin, state }) => plugin === name && state !== 'stopped' && state !== 'failed')
      .map(({ id }) => id);
  }
}

const needOf = ({ name, publisher }: { name: string; publisher?: UnknownPublisher }): PluginNeed => ({
  kind: 'plugin',
  plugin: name,
  ...(publisher && { publisher }),
});

/** The installation that follows reports the same. */
const quiet = (call: Call): Call => ({ ...call, narrate: () => {} });
