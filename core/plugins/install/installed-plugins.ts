/** The plugins of a machine: lists, links, imports and removes them. Does not contact registries. */

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundleError, unpackChecked } from '../../archives/unpack-bundle.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { DeliveredPlugin, PluginRequestOf, PluginView } from '../../contract/plugins.ts';
import { isBuiltFor } from '../../contract/worker-type/platforms.ts';
import { exists } from '../../lifecycle/fs/file-kind.ts';
import { asStep } from '../../programs/progress.ts';
import { readManifest } from '../../worker-types/manifest.ts';
import { foldersOf } from '../../worker-types/plugin-folders.ts';
import { checkBuilt } from '../../worker-types/worker-type-handle.ts';
import { refuseClash } from '../clash.ts';
import { changeLock } from '../lock-file.ts';
import { type IndexEntry, readIndex } from '../plugin-index.ts';
import { changeIndex, stagedTree, withStaging } from '../store.ts';
import { commit } from './commit.ts';
import { type Examined, examineTree } from './examine.ts';
import type { Call, StoreOptions } from './installer-options.ts';
import { namedByIndex, type Pruned, prune } from './prune.ts';
import { pluginView } from './view.ts';

export class InstalledPlugins {
  readonly #options: StoreOptions;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Plugins in the index. */
  async list(): Promise<PluginView[]> {
    const entries = await readIndex(this.#options.data);
    return Promise.all(entries.map((entry) => pluginView(entry, false)));
  }

  /** A plugin's entry, found by package, type or alias. Errors: NOT_INSTALLED. */
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

  /** Adds the folder of a plugin in development to the index. */
  async link(folder: string, { narrate }: Call): Promise<PluginView> {
    const root = resolve(folder);
    const manifest = await readManifest(root);
    // It is checked again whenever its code runs, but the user who links it should see errors now.
    await foldersOf(manifest.package, root);
    for (const type of manifest.workerTypes) await checkBuilt(manifest, type, true);
    const entry: IndexEntry = { name: manifest.package, type: 'link', root };
    await changeIndex(this.#options.data, async (entries) => {
      await refuseClash(this.#options.data, manifest);
      return { entries: [...entries.filter(({ name }) => name !== manifest.package), entry], result: null };
    });
    narrate({ kind: 'info', text: `linked ${manifest.package} at ${root}` });
    await this.#options.onChange();
    return pluginView(entry, true);
  }

  /**
   * Imports an archive that another machine packed for this one: verified, examined and committed like an installation.
   * If the package is already installed, the archive is not read. Errors: BUNDLE_CORRUPT, DELIVERY_INCOMPATIBLE, and
   * those of examination and disk; on error nothing changes.
   */
  async import(request: PluginRequestOf<'import'>, call: Call): Promise<PluginView> {
    const { entry } = request;
    const there = await this.#delivered(entry);
    if (there) {
      call.narrate({ kind: 'info', text: `${entry.name} ${entry.version} is already installed` });
      return pluginView(there, false);
    }
    return withStaging(this.#options.data, async (staging) => {
      const folder = stagedTree(staging, entry.variants);
      await mkdir(folder, { mode: 0o700 });
      await this.#unpack(request, folder, call);
      const examined = await examineTree(join(folder, entry.root), entry);
      examined.close();
      const target = await this.#options.target();
      refuseUnfit(entry, examined, target);
      call.signal.throwIfAborted();
      const { tag, variants, root: inner } = entry;
      const { workerTypes } = examined.manifest;
      const trees = [{ variants, folder, inner }];
      const done = { found: entry, tag, trees, scripts: false, target, locked: null, force: false, workerTypes };
      const committed = await commit(done, this.#options);
      await this.#options.onChange();
      return pluginView(committed, true);
    });
  }

  /** Removes a plugin from the index, and from disk unless a run record refers to it. Errors: NOT_INSTALLED. */
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

  /** Removes unused folders. With `all`, also the versions that updates replaced. */
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

  /** The entry of exactly this package with all the variants, if installed. */
  async #delivered({ name, integrity, variants }: DeliveredPlugin): Promise<IndexEntry | null> {
    const entry = (await readIndex(this.#options.data)).find((one) => one.name === name);
    if (entry?.integrity !== integrity) return null;
    for (const variant of variants) {
      const root = entry.variants?.[variant];
      if (root === undefined || !(await exists(join(root, 'package.json')))) return null;
    }
    return entry;
  }

  async #unpack(
    { archive, sha256, entry: { name, version } }: PluginRequestOf<'import'>,
    folder: string,
    { narrate, signal }: Call,
  ): Promise<void> {
    const step = {
      id: 'import',
      text: `unpacking ${name} ${version}`,
      done: `unpacked ${name} ${version}`,
      unit: 'bytes',
    };
    await asStep(narrate, step, async (onProgress) => {
      try {
        await unpackChecked(archive, folder, { sha256, signal, onProgress });
      } catch (error) {
        signal.throwIfAborted();
        throw await bundleError(error, archive, folder);
      }
    });
  }
}

/** Errors: DELIVERY_INCOMPATIBLE if it was packed for another platform, or does not match its entry. */
const refuseUnfit = (
  { name, version, variants, platform }: DeliveredPlugin,
  { manifest, descriptions }: Examined,
  here: { os: string; cpu: string; libc?: string },
): void => {
  const unfit = (problem: string) => RbeeError.of('DELIVERY_INCOMPATIBLE', { package: `${name}@${version}`, problem });
  const [theirs, ours] = [platform, here].map(({ os, cpu, libc }) => [os, cpu, libc].filter(Boolean).join(' '));
  if (theirs !== ours) throw unfit(`it was packed for ${theirs}, but this machine is ${ours}`);
  const known = new Set(manifest.workerTypes.flatMap((type) => type.variants));
  for (const variant of variants) {
    if (!known.has(variant)) throw unfit(`it has no variant ${variant}`);
    const builds = descriptions?.flatMap((type) => type.variants.filter(({ id }) => id === variant)) ?? [];
    const isBuilt = builds.some(({ platforms }) => isBuiltFor(platforms, { os: here.os, cpu: here.cpu }));
    if (!isBuilt) throw unfit(`its variant ${variant} is not built for ${ours}`);
  }
};
