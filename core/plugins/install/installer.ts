/** Installs and updates plugins from registries. Changes are atomic, even when several run at once. */
import { join } from 'node:path';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import type { PluginHit, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import type { UnknownPublisher } from '../../contract/worker-type/needs.ts';
import { refuseClash } from '../clash.ts';
import type { FoundPackage, PackageSource } from '../fetch/fetch-calls.ts';
import { RegistryClient } from '../fetch/registry-client.ts';
import { checkTrust, unknownPublisher } from '../fetch/trust.ts';
import { type LockedVariant, readLock } from '../lock-file.ts';
import { readIndex } from '../plugin-index.ts';
import { packageFolder, stagedTree, withStaging } from '../store.ts';
import type { NpmContext } from '../tree/npm-tree.ts';
import { commit, isLocked } from './commit.ts';
import { examine, examineTree } from './examine.ts';
import {
  type FindContext,
  type FoundRequest,
  findInstalledEntry,
  findPackage,
  isInstalled,
  resolveSource,
} from './find-package.ts';
import { InstalledPlugins } from './installed-plugins.ts';
import type { Call, InstallerOptions, InstallRequest, UpdateRequest } from './installer-options.ts';
import { groupVariants, makeTree } from './stage.ts';
import { pluginView } from './view.ts';
import { wantedGroups } from './wanted-groups.ts';

export type { Call, InstallerOptions, InstallRequest, UpdateRequest } from './installer-options.ts';

export class Installer extends InstalledPlugins {
  readonly #options: InstallerOptions;
  readonly #fetcher: RegistryClient;

  constructor(options: InstallerOptions) {
    super(options);
    this.#options = options;
    const { env, data, cache, registry } = options;
    const url = registry.url ?? undefined;
    this.#fetcher = new RegistryClient({
      env,
      folder: data,
      cacheFolder: cache,
      ...(url !== undefined && { registry: url }),
    });
  }

  close(): void {
    this.#fetcher.close();
  }

  /** Errors: any from fetching, trust, examination and npm; on error nothing changes. */
  async install(request: InstallRequest, call: Call): Promise<PluginView> {
    const there = request.force ? null : await findInstalledEntry(request, this.#options.data);
    if (there) {
      call.narrate({ kind: 'info', text: `${there.name} ${there.version} is already installed` });
      return pluginView(there, false);
    }
    return withStaging(this.#options.data, async (staging) => {
      const context = this.#context(request, staging, call);
      return this.#installFound(await findPackage(request, context), request, context);
    });
  }

  /**
   * What an installation would do, and which publisher the user must confirm; null if already installed. Changes
   * nothing. Errors: any from fetching, and SCOPE_NOT_ALLOWED.
   */
  async wanted(
    request: Pick<InstallRequest, 'plugin' | 'variant' | 'offline' | 'force'> & { ownOnly?: boolean },
    call: Call,
  ): Promise<{ name: string; publisher?: UnknownPublisher } | null> {
    if (!request.force && (await findInstalledEntry(request, this.#options.data))) return null;
    const found = await this.look(request, call);
    const { data, registry } = this.#options;
    const publisher = unknownPublisher(found, await readIndex(data), { allowedScopes: registry.allowedScopes });
    return { name: found.name, ...(publisher && { publisher }) };
  }

  /** The package that a request refers to, and its manifest. Runs none of its code. */
  look(request: Pick<InstallRequest, 'plugin' | 'offline'> & { ownOnly?: boolean }, call: Call): Promise<FoundPackage> {
    return withStaging(
      this.#options.data,
      async (staging) => (await findPackage(request, this.#context(request, staging, call))).found,
    );
  }

  search(text: string, request: { offline?: boolean; signal?: AbortSignal }): Promise<PluginHit[]> {
    return this.#fetcher.search(text, request);
  }

  /** Updates one plugin to the newest version in its range; with `dryRun`, only reports that version. */
  async update(plugin: string, { dryRun = false, ...request }: UpdateRequest, call: Call): Promise<PluginUpdate> {
    const entry = await this.find(plugin);
    const { name, version: from = '', tag, integrity } = entry;
    const same = (note: string): PluginUpdate => ({ name, from, to: from, changed: false, note });
    if (integrity === undefined) return same('it is linked');
    if (tag === undefined) return same('it was installed from a file, or as an exact version');
    return withStaging(this.#options.data, async (staging) => {
      const source: PackageSource = { kind: 'registry', candidates: [{ name, range: tag }] };
      const context = this.#context(request, staging, call);
      const found = await resolveSource(source, name, request, context);
      if (found.integrity === integrity) {
        if (await isInstalled(entry, found, request)) return same('it is up to date');
        const note = `it is up to date; its install scripts ${dryRun ? 'would run' : 'were run'}`;
        if (!dryRun) await this.#installFound({ found, tag }, { plugin: name, ...request }, context);
        return { name, from, to: from, changed: true, note };
      }
      call.narrate({ kind: 'info', text: `${name}: ${from} becomes ${found.version} (${found.integrity})` });
      if (entry.scripts && !request.scripts) call.narrate(withoutScripts(name, found.version));
      if (!dryRun) await this.#installFound({ found, tag }, { plugin: name, ...request }, context);
      return { name, from, to: found.version, changed: true };
    });
  }

  async #installFound(
    { found, tag }: FoundRequest,
    request: InstallRequest,
    { staging, npm, call }: FindContext,
  ): Promise<PluginView> {
    const { data, registry, config, hive, chooseVariant } = this.#options;
    const entries = await readIndex(data);
    checkTrust(found, entries, { ...request, allowedScopes: registry.allowedScopes });
    const before = entries.find((entry) => entry.name === found.name && entry.integrity !== undefined);
    if (before && !request.force && (await isInstalled(before, found, request))) {
      call.narrate({ kind: 'info', text: `${found.name} ${found.version} is already installed` });
      return pluginView(before, false);
    }
    const unpacked = await this.#unpack(found, request, staging, call);
    const { narrate, signal } = call;
    const examined = await examine(unpacked, found);
    try {
      const { workerTypes } = examined.manifest;
      if (!request.force) await refuseClash(data, { package: found.name, workerTypes });
      const target = await this.#options.target();
      const choose = () => chooseVariant(examined.types, narrate);
      const { variant, force, scripts = false } = request;
      const wanted = { found, examined, before, variant, force, scripts, hive, choose };
      const groups = await wantedGroups(groupVariants(found, examined, target), wanted);
      const lock = (await readLock(config)).find((one) => isLocked(one, found));
      const locked: LockedVariant[] = [];
      for (const group of groups) {
        const folder = stagedTree(staging, group.variants);
        locked.push(...(await makeTree(folder, { unpacked, found, group, target, lock, scripts, npm, narrate })));
        if (!examined.descriptions) (await examineTree(packageFolder(folder, found.name), found)).close();
      }
      signal.throwIfAborted();
      const trees = groups.map(({ variants }) => {
        const folder = stagedTree(staging, variants);
        return { variants, folder, inner: packageFolder('', found.name) };
      });
      const done = { found, tag, trees, scripts, target, locked, force: request.force === true, workerTypes };
      const entry = await commit(done, this.#options);
      await this.#options.onChange();
      return pluginView(entry, true);
    } finally {
      examined.close();
    }
  }

  /** Returns the package's folder. */
  async #unpack(
    found: FoundPackage,
    { offline }: InstallRequest,
    staging: string,
    { narrate, signal }: Call,
  ): Promise<string> {
    const began = performance.now();
    narrate({ kind: 'step', id: 'fetch', text: `fetching ${found.name} ${found.version}` });
    const { files } = await this.#fetcher.unpack(found, staging, { offline, signal });
    narrate({ kind: 'done', id: 'fetch', text: fetched(found, files), ms: performance.now() - began });
    return join(staging, 'package');
  }

  #context({ offline }: { offline?: boolean }, staging: string, call: Call): FindContext {
    const { env, data, config, registry, limits } = this.#options;
    const { signal, narrate } = call;
    const url = registry.url === null ? {} : { registry: registry.url };
    const npm: NpmContext = { env, data, offline, signal, narrate, limits, ...url };
    return { data, config, fetcher: this.#fetcher, staging, npm, call };
  }
}

/** The new version's scripts are not the ones that the user allowed. */
const withoutScripts = (name: string, version: string): NarrationEvent => ({
  kind: 'warning',
  text: `the install scripts of ${name} were run before, but will not run for ${version}`,
  hint: `to run them: rbee plugins install ${name} --allow-scripts`,
});

const fetched = ({ name, version, signature }: FoundPackage, files: number): string => {
  const signed = signature.state === 'verified' ? ', with a valid signature' : '';
  return `${name} ${version} matches the registry's checksum (sha512, ${files} files)${signed}`;
};
