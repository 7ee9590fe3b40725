/**
 * The worker types of a machine: found through the index and read from manifests. Reloaded when the index or a linked
 * folder changes.
 */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import type { CatalogEntry } from '../contract/api/hive-api.ts';
import { asRbeeError, RbeeError } from '../contract/errors.ts';
import { isWithin } from '../contract/safe-path.ts';
import { nearest } from '../narration/near.ts';
import { Evaluator } from '../worker-types/evaluator.ts';
import { looksOf } from '../worker-types/folder-looks.ts';
import { type PluginManifest, readManifest, type WorkerTypeManifest } from '../worker-types/manifest.ts';
import { WorkerTypeHandle } from '../worker-types/worker-type-handle.ts';
import { locatePlugins, type PluginLocation } from './plugin-index.ts';
import { catalogFolder } from './store.ts';

/** Milliseconds between polls of the index, for file systems without change events (network homes). */
const pollMs = 10_000;
/** Debounce of change events, in milliseconds. */
const settleMs = 50;

interface Known {
  entry: CatalogEntry;
  handle: WorkerTypeHandle | null;
  fault: RbeeError | null;
  location: PluginLocation;
  /** Fingerprint of an editable folder when it was read. */
  looks: string | undefined;
}

export class WorkerTypes {
  readonly #dataFolder: string;
  readonly #onChange: () => void;
  #known = new Map<string, Known>();
  /** The latest handle of each type in each folder, so that reading the index again does not evaluate it again. */
  readonly #handles = new Map<string, WorkerTypeHandle>();
  readonly #evaluators = new Set<Evaluator>();
  /** The error of the last attempt to read the index. */
  #indexFault: RbeeError | null = null;
  /** The most recently requested refresh. */
  #refreshed: Promise<void> = Promise.resolve();
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  #settle: NodeJS.Timeout | null = null;

  constructor(dataFolder: string, onChange: () => void) {
    this.#dataFolder = dataFolder;
    this.#onChange = onChange;
  }

  /** Reads the index and watches it. */
  async start(): Promise<void> {
    mkdirSync(this.#dataFolder, { recursive: true, mode: 0o700 });
    // A damaged index must not stop the hive: it still owns running workers.
    await this.refresh().catch(() => {});
    this.#watcher = watch(this.#dataFolder, { persistent: false }, (_event, file) => {
      if (file === 'package.json' || file === null) this.#soon();
    });
    // If the watch fails (the folder was replaced), polling remains.
    this.#watcher.on('error', () => this.#watcher?.close());
    this.#timer = setInterval(() => this.#soon(), pollMs);
    this.#timer.unref();
  }

  close(): void {
    this.#watcher?.close();
    if (this.#timer) clearInterval(this.#timer);
    if (this.#settle) clearTimeout(this.#settle);
    for (const evaluator of this.#evaluators) evaluator.close();
    this.#evaluators.clear();
  }

  /**
   * Reads index and manifests again; plugin code runs only when a type is requested. `reload` also reloads code that was
   * evaluated before: a version may have been reinstalled in the same folder.
   */
  async refresh({ reload = false } = {}): Promise<void> {
    // Calls of earlier evaluators finish; idle evaluators stop on their own.
    if (reload) this.#handles.clear();
    // Sequential: an older result must not replace a newer one.
    const mine = this.#refreshed.then(() => this.#refresh());
    this.#refreshed = mine.catch(() => {});
    await mine;
  }

  async #refresh(): Promise<void> {
    const found = new Map<string, Known>();
    const locations = await locatePlugins(this.#dataFolder).catch((error) => {
      this.#indexFault = error;
      throw error;
    });
    this.#indexFault = null;
    for (const location of locations) await this.#read(location, found);
    refuseSharedKinds(found);
    const changed = JSON.stringify([...found.values()].map((item) => item.entry)) !== JSON.stringify(this.list());
    this.#known = found;
    if (changed) this.#onChange();
  }

  /** All types; unusable ones include their error. */
  list(): CatalogEntry[] {
    return [...this.#known.values()].map((item) => item.entry);
  }

  /**
   * A type by name, alias, or a package with a single type, in its current state: an operation calls this once and works
   * with one state of the code. Errors: TYPE_NOT_FOUND, and the fault of its plugin.
   */
  async get(name: string): Promise<WorkerTypeHandle> {
    const item = await this.#findNow(name);
    if (item?.fault) throw item.fault;
    if (item?.handle) return item.handle;
    if (this.#indexFault) throw this.#indexFault;
    const names = [...this.#known.keys()];
    const [near] = this.near(name);
    throw RbeeError.of('TYPE_NOT_FOUND', {
      type: name,
      known: names.join(', ') || 'none',
      near: near ? `; did you mean ${near}?` : '',
    });
  }

  /** Device kinds defined by types, with the type that can list such devices. */
  broughtKinds(): { kind: string; handle: WorkerTypeHandle }[] {
    const usable = [...this.#known.values()].flatMap(({ handle }) => handle ?? []);
    return usable.flatMap((handle) => (handle.manifest.devices ?? []).map((kind) => ({ kind, handle })));
  }

  /** Similar names of types, closest first. */
  near(name: string): string[] {
    return nearest(name, [...this.#known.keys()]);
  }

  /** Whether a type with this name, alias or package exists, usable or not. */
  async has(name: string): Promise<boolean> {
    return (await this.#findNow(name)) !== undefined;
  }

  /** The folder of the package that a variant of a known type runs from; null when that variant is not installed. */
  rootOf(type: string, variant: string): string | null {
    const { location } = this.#find(type) ?? {};
    if (!location) return null;
    if (!location.variants) return location.root;
    return Object.hasOwn(location.variants, variant) ? (location.variants[variant] ?? null) : null;
  }

  /**
   * A type of the plugin in `root`, even if the index no longer names it: workers keep their version. Errors:
   * PLUGIN_INVALID if the folder contains another package or the type is gone.
   */
  async reopen(root: string, name: string, owner?: string): Promise<WorkerTypeHandle> {
    const looks = await this.#looksOf(root);
    const plugin = await readManifest(root);
    const manifest = plugin.workerTypes.find((type) => type.name === name);
    const problem =
      owner !== undefined && plugin.package !== owner
        ? `the package in ${root} is ${plugin.package} now`
        : `it no longer has a worker type ${name}`;
    if (!manifest || plugin.package !== (owner ?? plugin.package))
      throw RbeeError.of('PLUGIN_INVALID', { plugin: owner ?? plugin.package, problem });
    return this.#handleOf(plugin, manifest, looks);
  }

  /** Refreshes if necessary: a changed linked folder, an earlier error, an unknown name. */
  async #findNow(name: string): Promise<Known | undefined> {
    const item = this.#find(name);
    if (item && item.fault === null && item.looks === (await this.#looksOf(item.location.root))) return item;
    // The first caller that needs a type reports why the index cannot be read.
    await this.refresh().catch(() => {});
    return this.#find(name);
  }

  /** Undefined for a folder of the store, which never changes. */
  async #looksOf(root: string): Promise<string | undefined> {
    return isWithin(catalogFolder(this.#dataFolder), root) ? undefined : looksOf(root);
  }

  #find(name: string): Known | undefined {
    const wanted = name.toLowerCase();
    const all = [...this.#known.values()];
    const ofPackage = all.filter(({ entry }) => entry.plugin === name);
    return (
      this.#known.get(wanted) ??
      all.find(({ entry }) => entry.aliases.includes(wanted)) ??
      (ofPackage.length === 1 ? ofPackage[0] : undefined)
    );
  }

  #soon(): void {
    if (this.#settle) clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.refresh().catch(() => {
        // An index that is still being written is read again on the next poll.
      });
    }, settleMs);
    this.#settle.unref();
  }

  async #read(location: PluginLocation, found: Map<string, Known>): Promise<void> {
    let plugin: PluginManifest;
    const looks = await this.#looksOf(location.root);
    try {
      plugin = await readManifest(location.root);
    } catch (error) {
      const fault = asRbeeError(error, 'registry');
      const name = location.root.split('/').at(-1) ?? location.root;
      found.set(name, { entry: faulty(name, location, fault), handle: null, fault, location, looks });
      return;
    }
    for (const manifest of plugin.workerTypes) {
      const other = found.get(manifest.name);
      // In a checkout, an installed version takes precedence over the workspace's.
      if (other && location.source === 'development' && other.entry.plugin === plugin.package) continue;
      if (other) {
        const fault = RbeeError.of('PLUGIN_CONFLICT', {
          type: manifest.name,
          first: other.entry.plugin,
          second: plugin.package,
        });
        found.set(manifest.name, { ...other, entry: { ...other.entry, fault: fault.message }, handle: null, fault });
        continue;
      }
      const entry: CatalogEntry = {
        type: manifest.name,
        aliases: manifest.aliases ?? [],
        plugin: plugin.package,
        version: plugin.version,
        summary: manifest.summary ?? plugin.description,
        serves: manifest.serves,
        variants: manifest.variants,
        installed: location.variants
          ? manifest.variants.filter((variant) => location.variants && Object.hasOwn(location.variants, variant))
          : manifest.variants,
        integrity: location.integrity ?? null,
        source: location.source,
      };
      found.set(manifest.name, {
        entry,
        handle: this.#handleOf(plugin, manifest, looks),
        fault: null,
        location,
        looks,
      });
    }
  }

  #handleOf(plugin: PluginManifest, manifest: WorkerTypeManifest, looks: string | undefined): WorkerTypeHandle {
    const key = `${plugin.root}#${manifest.name}`;
    const known = this.#handles.get(key);
    if (known && known.plugin.version === plugin.version && known.looks === looks) return known;
    const evaluator = new Evaluator(plugin.package, plugin.root, looks);
    const handle = new WorkerTypeHandle(plugin, manifest, evaluator);
    this.#evaluators.add(evaluator);
    this.#handles.set(key, handle);
    return handle;
  }
}

/** Two types that define the same device kind could disagree, so neither is used. */
const refuseSharedKinds = (found: Map<string, Known>): void => {
  const bringing = new Map<string, [name: string, known: Known][]>();
  for (const [name, known] of found) {
    for (const kind of known.handle?.manifest.devices ?? []) {
      bringing.set(kind, [...(bringing.get(kind) ?? []), [name, known]]);
    }
  }
  for (const [kind, all] of bringing) {
    const [first, second] = [...new Set(all.map(([, { entry }]) => entry.plugin))];
    if (first === undefined || second === undefined) continue;
    const fault = RbeeError.of('DEVICE_KIND_CONFLICT', { kind, first, second });
    for (const [name, known] of all) {
      found.set(name, { ...known, entry: { ...known.entry, fault: fault.message }, handle: null, fault });
    }
  }
};

const faulty = (name: string, location: PluginLocation, fault: RbeeError): CatalogEntry => ({
  type: name,
  aliases: [],
  plugin: location.root,
  version: '',
  summary: '',
  serves: [],
  variants: [],
  installed: [],
  source: location.source,
  fault: fault.message,
});
