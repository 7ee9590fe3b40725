/** Installs, updates and removes plugins: each change is whole or has not happened, however many go on at once. */
import { join, resolve } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import type { Narrate } from '../../contract/narration.ts';
import type { PluginHit, PluginRequestOf, PluginUpdate, PluginView } from '../../contract/plugins.ts';
import { readManifest } from '../manifest.ts';
import { type IndexEntry, locatePlugins, readIndex } from '../plugin-index.ts';
import type { WorkerTypeHandle } from '../worker-type-handle.ts';
import type { FoundPackage, PackageSource } from './fetch-calls.ts';
import { Fetcher } from './fetcher.ts';
import { changeLock, type LockedPlugin, type LockedVariant, readLock } from './lock-file.ts';
import { type NpmContext, packSource, type TreeTarget } from './npm-tree.ts';
import { namedByIndex, type Pruned, prune } from './prune.ts';
import { type Candidate, parseRequest } from './request.ts';
import { type Examined, examine, examineTree, groupVariants, makeTree, stagedTree, type TreeGroup } from './stage.ts';
import {
  changeIndex,
  isThere,
  moveIntoPlace,
  packageFolder,
  variantFolder,
  versionFolder,
  withStaging,
} from './store.ts';
import { checkTrust } from './trust.ts';
import { indexEntryOf, pinOf, pluginView } from './view.ts';

export interface InstallerOptions {
  /** Alias of the hive, for errors. */
  hive: string;
  /** Data, config and cache folder. */
  data: string;
  config: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  /** `[registry]` of rbee.conf. */
  registry: { url: string | null; allowedScopes: readonly string[] };
  /** The platform of this machine. */
  target: () => Promise<TreeTarget>;
  /** The variant that suits this machine best. */
  chooseVariant: (types: readonly WorkerTypeHandle[], narrate: Narrate) => Promise<string>;
  /** Plugin folders that run records name, on every machine that shares the data folder. */
  rootsInUse: () => Promise<readonly string[]>;
  /** The index has changed. */
  onChange: () => Promise<void>;
}

export type InstallRequest = PluginRequestOf<'install'>;

export interface Call {
  signal: AbortSignal;
  narrate: Narrate;
}

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
    const there = request.force ? null : await this.#installed(request);
    if (there) {
      call.narrate({ kind: 'info', text: `${there.name} ${there.version} is installed already` });
      return pluginView(there, false);
    }
    return withStaging(this.#options.data, async (staging) => {
      const { found, tag } = await this.#find(request, staging, call);
      return this.#installFound(found, tag, request, staging, call);
    });
  }

  /** What a request means, and what its package says of itself. Runs nothing of it. */
  look(request: Pick<InstallRequest, 'plugin' | 'offline'>, call: Call): Promise<FoundPackage> {
    return withStaging(this.#options.data, async (staging) => (await this.#find(request, staging, call)).found);
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
      await this.#refuseClash(
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
      const found = await this.#resolve(source, name, staging, request, call);
      if (found.integrity === integrity) return same('it is up to date');
      call.narrate({ kind: 'info', text: `${name}: ${from} becomes ${found.version} (${found.integrity})` });
      if (!dryRun) await this.#installFound(found, tag, { plugin: name, ...request }, staging, call);
      return { name, from, to: found.version, changed: true };
    });
  }

  /** Removes what nothing uses. With `all`, also the versions that an update took the place of. */
  async prune({ all = false }: { all?: boolean }): Promise<Pruned> {
    const used = await this.#options.rootsInUse();
    return this.#collect(used, !all);
  }

  #collect(used: readonly string[], previous: boolean): Promise<Pruned> {
    const { data } = this.#options;
    return changeIndex(data, async (entries) => {
      const result = await prune(data, [...used, ...namedByIndex(entries, previous)], Date.now());
      const kept = previous ? entries : entries.map(({ previous: _, ...entry }) => entry);
      return { entries: kept, result };
    });
  }

  /** From what was asked for to one exact package. */
  async #find(
    request: Pick<InstallRequest, 'plugin' | 'offline'> & { ownOnly?: boolean },
    staging: string,
    call: Call,
  ): Promise<{ found: FoundPackage; tag: string | undefined }> {
    const asked = parseRequest(request.plugin);
    if (asked.kind !== 'registry') {
      const source: PackageSource =
        asked.kind === 'source'
          ? { kind: 'tarball', file: await packSource(asked.spec, staging, this.#npm(request, call)) }
          : asked;
      return { found: await this.#resolve(source, request.plugin, staging, request, call), tag: undefined };
    }
    // A word that someone mistyped must not bring a stranger's package of that name.
    const own = asked.candidates.filter(({ name }) => !request.ownOnly || name.startsWith('@'));
    const pin = await this.#pinned(own);
    const source: PackageSource = pin?.source ?? { kind: 'registry', candidates: own };
    const found = await this.#resolve(source, request.plugin, staging, request, call);
    return { found, tag: pin ? pin.tag : pinOf(asked.candidates[0]?.range ?? null) };
  }

  /** The entry of what was asked for, when it is there and nothing needs to be looked up to know that. */
  async #installed({ plugin, variant }: InstallRequest): Promise<IndexEntry | null> {
    const asked = parseRequest(plugin);
    if (asked.kind !== 'registry') return null;
    for (const entry of await readIndex(this.#options.data)) {
      const { name, version, integrity, registry } = entry;
      const meant = asked.candidates.some((one) => one.name === name && (one.range === null || one.range === version));
      if (meant && integrity && registry && (await isInstalled(entry, { integrity }, variant))) return entry;
    }
    return null;
  }

  /** Without a version, what is installed or locked is meant. */
  async #pinned(candidates: readonly Candidate[]) {
    if (candidates.some(({ range }) => range !== null)) return null;
    const names = candidates.map(({ name }) => name);
    const entry = (await readIndex(this.#options.data)).find(
      ({ name, integrity, registry }) => names.includes(name) && integrity !== undefined && registry,
    );
    const locked = (await readLock(this.#options.config)).find(({ name }) => names.includes(name));
    const pin = entry ? { ...entry, requested: entry.tag } : locked;
    if (!pin?.version || !pin.integrity) return null;
    const source: PackageSource = {
      kind: 'registry',
      candidates: [{ name: pin.name, range: pin.version }],
      integrity: pin.integrity,
    };
    return { source, tag: pin.requested };
  }

  async #resolve(
    source: PackageSource,
    asked: string,
    staging: string,
    { offline }: { offline?: boolean },
    { narrate, signal }: Call,
  ): Promise<FoundPackage> {
    const began = performance.now();
    narrate({ kind: 'step', id: 'resolve', text: `looking for ${asked}` });
    const found = await this.#fetcher.resolve(source, staging, { offline, signal });
    narrate({
      kind: 'done',
      id: 'resolve',
      text: `found ${found.name} ${found.version}`,
      ms: performance.now() - began,
    });
    if (found.stale) {
      narrate({ kind: 'warning', text: `the registry does not answer; it had ${found.name} ${found.version} before` });
    }
    if (found.deprecated) {
      narrate({ kind: 'warning', text: `${found.name} ${found.version} is deprecated: ${found.deprecated}` });
    }
    return found;
  }

  async #installFound(
    found: FoundPackage,
    tag: string | undefined,
    request: InstallRequest,
    staging: string,
    call: Call,
  ): Promise<PluginView> {
    const { data, registry, config } = this.#options;
    const entries = await readIndex(data);
    checkTrust(found, entries, { ...request, allowedScopes: registry.allowedScopes });
    const before = entries.find((entry) => entry.name === found.name && entry.integrity !== undefined);
    if (before && !request.force && (await isInstalled(before, found, request.variant))) {
      call.narrate({ kind: 'info', text: `${found.name} ${found.version} is installed already` });
      return pluginView(before, false);
    }
    const { signal, narrate } = call;
    const began = performance.now();
    narrate({ kind: 'step', id: 'fetch', text: `fetching ${found.name} ${found.version}` });
    const { files } = await this.#fetcher.unpack(found, staging, { offline: request.offline, signal });
    narrate({ kind: 'done', id: 'fetch', text: fetched(found, files), ms: performance.now() - began });
    const unpacked = join(staging, 'package');
    const examined = await examine(unpacked, found);
    try {
      const types = examined.manifest.workerTypes.map(({ name }) => name);
      if (!request.force) await this.#refuseClash(found.name, types);
      const target = await this.#options.target();
      const all = groupVariants(found, examined, target);
      const groups = await this.#wantedGroups(all, found, examined, before, request, narrate);
      const lock = (await readLock(config)).find((one) => isOf(one, found));
      const locked: LockedVariant[] = [];
      const npm = this.#npm(request, call);
      for (const group of groups) {
        const folder = stagedTree(staging, group);
        const work = { unpacked, found, group, target, lock, scripts: request.scripts ?? false, npm, narrate };
        locked.push(...(await makeTree(folder, work)));
        if (!examined.descriptions) await examineTree(folder, found);
      }
      signal.throwIfAborted();
      const entry = await this.#commit({ found, tag, groups, staging, target, locked, request, types });
      await this.#options.onChange();
      return pluginView(entry, true);
    } finally {
      examined.close();
    }
  }

  /** The variant that was asked for, those that are installed already, or the best for this machine. */
  async #wantedGroups(
    groups: readonly TreeGroup[],
    found: FoundPackage,
    examined: Examined,
    before: IndexEntry | undefined,
    request: InstallRequest,
    narrate: Narrate,
  ): Promise<TreeGroup[]> {
    const known = groups.flatMap(({ variants }) => variants);
    const had = Object.keys(before?.variants ?? {}).filter((variant) => known.includes(variant));
    const isSame = before?.integrity === found.integrity;
    const asked = request.variant === undefined ? [] : [request.variant];
    for (const variant of asked) this.#refuseVariant(variant, known, examined);
    let wanted = isSame && !request.force ? asked : [...asked, ...had];
    if (wanted.length === 0) {
      // One tree for all of them: nothing to choose.
      const only = groups.length === 1 || !examined.descriptions;
      wanted = only ? known.slice(0, 1) : [await this.#options.chooseVariant(examined.types, narrate)];
    }
    const [first = examined.manifest.workerTypes[0]?.variants[0] ?? ''] = wanted;
    this.#refuseVariant(first, known, examined);
    return groups.filter(({ variants }) => variants.some((variant) => wanted.includes(variant)));
  }

  /** Errors: VARIANT_NOT_FOUND, VARIANT_UNFIT when it does not exist for this platform. */
  #refuseVariant(variant: string, here: readonly string[], { manifest }: Examined): void {
    if (here.includes(variant)) return;
    const type = manifest.workerTypes.map(({ name }) => name).join(', ');
    const all = new Set(manifest.workerTypes.flatMap((one) => one.variants));
    if (!all.has(variant)) throw RbeeError.of('VARIANT_NOT_FOUND', { type, variant, known: [...all].join(', ') });
    throw RbeeError.of('VARIANT_UNFIT', {
      type,
      variant,
      hive: this.#options.hive,
      reasons: 'it is not built for this platform',
      hint: `variants for it: ${here.join(', ') || 'none'}`,
    });
  }

  /** Moves the trees into the store and names them in lock and index, in this order: what is named is there. */
  async #commit(done: {
    found: FoundPackage;
    tag: string | undefined;
    groups: readonly TreeGroup[];
    staging: string;
    target: TreeTarget;
    locked: readonly LockedVariant[];
    request: InstallRequest;
    types: readonly string[];
  }): Promise<IndexEntry> {
    const { found, tag, groups, staging, target, locked, request, types } = done;
    const { data, config } = this.#options;
    const version = versionFolder(data, found.name, found.version, found.integrity);
    const used = await this.#options.rootsInUse();
    return changeIndex(data, async (entries) => {
      if (!request.force) await this.#refuseClash(found.name, types);
      const variants: Record<string, string> = {};
      for (const group of groups) {
        const place = variantFolder(version, group.variants[0] ?? 'any', target);
        const root = packageFolder(place, found.name);
        // What a worker runs from is never replaced under it.
        await moveIntoPlace(stagedTree(staging, group), place, request.force === true && !used.includes(root));
        for (const variant of group.variants) variants[variant] = root;
      }
      const before = entries.find(({ name }) => name === found.name);
      const entry = indexEntryOf({ found, tag, variants, before });
      const old = (await readLock(config)).find((one) => isOf(one, found));
      const others = (old?.variants ?? []).filter(
        ({ id, platform }) => !locked.some((one) => one.id === id && one.platform === platform),
      );
      const lock: LockedPlugin = {
        name: found.name,
        version: found.version,
        integrity: found.integrity,
        ...(tag !== undefined && { requested: tag }),
        variants: [...others, ...locked],
      };
      if (found.registry !== null) await changeLock(config, found.name, lock);
      return { entries: [...entries.filter(({ name }) => name !== found.name), entry], result: entry };
    });
  }

  /** Errors: PLUGIN_CLASH when another package offers one of these types. */
  async #refuseClash(name: string, types: readonly string[]): Promise<void> {
    for (const { root } of await locatePlugins(this.#options.data)) {
      const other = await readManifest(root).catch(() => null);
      if (!other || other.package === name) continue;
      const type = other.workerTypes.find((one) => types.includes(one.name));
      if (type) throw RbeeError.of('PLUGIN_CLASH', { type: type.name, first: other.package, second: name });
    }
  }

  #npm({ offline }: { offline?: boolean }, { signal }: Call): NpmContext {
    const { env, data, registry } = this.#options;
    return { env, data, offline, signal, ...(registry.url !== null && { registry: registry.url }) };
  }
}

export interface UpdateRequest {
  dryRun?: boolean;
  offline?: boolean;
  scripts?: boolean;
}

const isOf = (locked: LockedPlugin, found: FoundPackage): boolean =>
  locked.name === found.name && locked.version === found.version && locked.integrity === found.integrity;

/** Is this very package there, with this variant or any? */
const isInstalled = async (
  entry: IndexEntry,
  found: Pick<FoundPackage, 'integrity'>,
  variant: string | undefined,
): Promise<boolean> => {
  if (entry.integrity !== found.integrity) return false;
  const root = variant === undefined ? entry.root : entry.variants?.[variant];
  return root !== undefined && (await isThere(join(root, 'package.json')));
};

const fetched = ({ name, version, signature }: FoundPackage, files: number): string => {
  const signed = signature.state === 'verified' ? ', its signature is right' : '';
  return `${name} ${version} is what the registry announced (sha512, ${files} files)${signed}`;
};
