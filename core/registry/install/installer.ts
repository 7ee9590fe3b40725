/** Installs, updates and removes plugins: each change is whole or has not happened, however many go on at once. */
import { join, resolve } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import type { PluginHit, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import { readManifest } from '../manifest.ts';
import { type IndexEntry, readIndex } from '../plugin-index.ts';
import { refuseClash } from './clash.ts';
import { commit, isLocked } from './commit.ts';
import type { FoundPackage, PackageSource } from './fetch-calls.ts';
import { Fetcher } from './fetcher.ts';
import {
  type FindContext,
  type FoundRequest,
  findInstalledEntry,
  findPackage,
  hasVariant,
  resolveSource,
} from './find-package.ts';
import type { Call, InstallerOptions, InstallRequest, UpdateRequest } from './installer-options.ts';
import { changeLock, type LockedVariant, readLock } from './lock-file.ts';
import type { NpmContext } from './npm-tree.ts';
import { namedByIndex, type Pruned, prune } from './prune.ts';
import { examine, examineTree, groupVariants, makeTree, stagedTree } from './stage.ts';
import { changeIndex, withStaging } from './store.ts';
import { checkTrust } from './trust.ts';
import { pluginView } from './view.ts';
import { wantedGroups } from './wanted-groups.ts';

export type { Call, InstallerOptions, InstallRequest, UpdateRequest } from './installer-options.ts';

export class Installer {
  readonly #options: InstallerOptions;
  readonly #fetcher: Fetcher;

  constructor(options: InstallerOptions) {
    this.#options = options;
    const { env, data, cache, registry } = options;
    const url = registry.url ?? undefined;
    this.#fetcher = new Fetcher({ env, folder: data, cacheFolder: cache, ...(url !== undefined && { registry: url }) });
  }

  close(): void {
    this.#fetcher.close();
  }

  /** Plugins of the index. */
  async list(): Promise<PluginView[]> {
    const entries = await readIndex(this.#options.data);
    return Promise.all(entries.map((entry) => pluginView(entry, false)));
  }

  /**
   * Errors: those of fetching, trust, examination and npm; then nothing has changed. With `ownOnly` a bare word is a type
   * of rbee's own scope and nothing else.
   */
  async install(request: InstallRequest & { ownOnly?: boolean }, call: Call): Promise<PluginView> {
    const there = request.force ? null : await findInstalledEntry(request, this.#options.data);
    if (there) {
      call.narrate({ kind: 'info', text: `${there.name} ${there.version} is installed already` });
      return pluginView(there, false);
    }
    return withStaging(this.#options.data, async (staging) => {
      const context = this.#context(request, staging, call);
      return this.#installFound(await findPackage(request, context), request, context);
    });
  }

  /** What a request means, and what its package says of itself. Runs nothing of it. */
  look(request: Pick<InstallRequest, 'plugin' | 'offline'>, call: Call): Promise<FoundPackage> {
    return withStaging(
      this.#options.data,
      async (staging) => (await findPackage(request, this.#context(request, staging, call))).found,
    );
  }

  search(text: string, request: { offline?: boolean; signal?: AbortSignal }): Promise<PluginHit[]> {
    return this.#fetcher.search(text, request);
  }

  /** Puts the folder of a plugin that is being written into the index, as it is. */
  async link(folder: string, { narrate }: Call): Promise<PluginView> {
    const root = resolve(folder);
    const manifest = await readManifest(root);
    const entry: IndexEntry = { name: manifest.package, type: 'link', root };
    await changeIndex(this.#options.data, async (entries) => {
      await refuseClash(
        this.#options.data,
        manifest.package,
        manifest.workerTypes.map(({ name }) => name),
      );
      return { entries: [...entries.filter(({ name }) => name !== manifest.package), entry], result: null };
    });
    narrate({ kind: 'info', text: `linked ${manifest.package} at ${root}` });
    await this.#options.onChange();
    return pluginView(entry, true);
  }

  /** Takes a plugin out of the index, and away from disk unless a run record names it. Errors: NOT_INSTALLED. */
  async uninstall(plugin: string, { narrate, signal }: Call): Promise<PluginView> {
    const entry = await this.find(plugin);
    const { data, config } = this.#options;
    const used = await this.#options.rootsInUse();
    await changeIndex(
      data,
      async (entries) => {
        const rest = entries.filter(({ name }) => name !== entry.name);
        if (entry.integrity !== undefined) await changeLock(config, entry.name, null);
        return { entries: rest, result: null };
      },
      signal,
    );
    await this.#options.onChange();
    if (entry.integrity !== undefined) await this.#collect(used, true);
    const verb = entry.integrity === undefined ? 'unlinked' : 'uninstalled';
    narrate({ kind: 'info', text: `${verb} ${entry.name}` });
    return pluginView(entry, true);
  }

  /** The entry of a plugin by the name of its package, its type, or an alias. Errors: NOT_INSTALLED. */
  async find(plugin: string): Promise<IndexEntry> {
    const entries = await readIndex(this.#options.data);
    const root = resolve(plugin);
    const direct = entries.find((entry) => entry.name === plugin || (entry.root === root && plugin.startsWith('/')));
    if (direct) return direct;
    for (const entry of entries) {
      const manifest = await readManifest(entry.root).catch(() => null);
      const types = manifest?.workerTypes ?? [];
      if (types.some(({ name, aliases = [] }) => name === plugin || aliases.includes(plugin))) return entry;
    }
    const known = entries.map(({ name }) => name).join(', ') || 'none';
    throw RbeeError.of('NOT_INSTALLED', { name: plugin, known });
  }

  /** Brings one plugin to the newest version that its range allows; with `dryRun` only says which that is. */
  async update(plugin: string, { dryRun = false, ...request }: UpdateRequest, call: Call): Promise<PluginUpdate> {
    const entry = await this.find(plugin);
    const { name, version: from = '', tag, integrity } = entry;
    const same = (note: string): PluginUpdate => ({ name, from, to: from, changed: false, note });
    if (integrity === undefined) return same('it is linked');
    if (tag === undefined) return same('it was installed as an exact version or from a file');
    return withStaging(this.#options.data, async (staging) => {
      const source: PackageSource = { kind: 'registry', candidates: [{ name, range: tag }] };
      const context = this.#context(request, staging, call);
      const found = await resolveSource(source, name, request, context);
      if (found.integrity === integrity) return same('it is up to date');
      call.narrate({ kind: 'info', text: `${name}: ${from} becomes ${found.version} (${found.integrity})` });
      if (!dryRun) await this.#installFound({ found, tag }, { plugin: name, ...request }, context);
      return { name, from, to: found.version, changed: true };
    });
  }

  /** Removes what nothing uses. With `all`, also the versions that an update took the place of. */
  async prune({ all = false, dryRun = false }: { all?: boolean; dryRun?: boolean }): Promise<Pruned> {
    const used = await this.#options.rootsInUse();
    return this.#collect(used, !all, dryRun);
  }

  #collect(used: readonly string[], previous: boolean, dryRun = false): Promise<Pruned> {
    const { data } = this.#options;
    return changeIndex(data, async (entries) => {
      const result = await prune(data, [...used, ...namedByIndex(entries, previous)], Date.now(), dryRun);
      const kept = previous || dryRun ? entries : entries.map(({ previous: _, ...entry }) => entry);
      return { entries: kept, result };
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
    if (before && !request.force && (await hasVariant(before, found, request.variant))) {
      call.narrate({ kind: 'info', text: `${found.name} ${found.version} is installed already` });
      return pluginView(before, false);
    }
    const unpacked = await this.#unpack(found, request, staging, call);
    const { narrate, signal } = call;
    const examined = await examine(unpacked, found);
    try {
      const types = examined.manifest.workerTypes.map(({ name }) => name);
      if (!request.force) await refuseClash(data, found.name, types);
      const target = await this.#options.target();
      const choose = () => chooseVariant(examined.types, narrate);
      const { variant, force, scripts = false } = request;
      const wanted = { found, examined, before, variant, force, hive, choose };
      const groups = await wantedGroups(groupVariants(found, examined, target), wanted);
      const lock = (await readLock(config)).find((one) => isLocked(one, found));
      const locked: LockedVariant[] = [];
      for (const group of groups) {
        const folder = stagedTree(staging, group);
        locked.push(...(await makeTree(folder, { unpacked, found, group, target, lock, scripts, npm, narrate })));
        if (!examined.descriptions) await examineTree(folder, found);
      }
      signal.throwIfAborted();
      const done = { found, tag, groups, staging, target, locked, request, types };
      const entry = await commit(done, this.#options);
      await this.#options.onChange();
      return pluginView(entry, true);
    } finally {
      examined.close();
    }
  }

  /** Gives the folder of the package. */
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

const fetched = ({ name, version, signature }: FoundPackage, files: number): string => {
  const signed = signature.state === 'verified' ? ', its signature is right' : '';
  return `${name} ${version} is what the registry announced (sha512, ${files} files)${signed}`;
};
