/**
 * Packs plugins for other machines: finds them through rbee.lock, installs them for the platform of the machine, and
 * packs them for its hive. A plugin that was delivered once can be delivered again offline.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackBundle } from '../archives/unpack-bundle.ts';
import { RbeeError } from '../contract/errors.ts';
import type { DeliveredPlugin } from '../contract/plugins.ts';
import type { UnknownPublisher } from '../contract/worker-type/needs.ts';
import type { BinarySource, HostFacts } from '../contract/worker-type/worker-type.ts';
import { realInside } from '../lifecycle/fs/real-inside.ts';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import { typesOf } from '../plugins/fetch/plugin-types.ts';
import type { RegistryClient } from '../plugins/fetch/registry-client.ts';
import { publisherUnknown, unknownPublisher } from '../plugins/fetch/trust.ts';
import { isLocked, lockedPlugin } from '../plugins/install/commit.ts';
import { type Examined, examine, examineTree } from '../plugins/install/examine.ts';
import { type FindContext, findPackage, resolveSource } from '../plugins/install/find-package.ts';
import type { Call, InstallerOptions } from '../plugins/install/installer-options.ts';
import { groupVariants, makeTree, type TreeGroup } from '../plugins/install/stage.ts';
import { wantedGroups } from '../plugins/install/wanted-groups.ts';
import { changeLock, type LockedVariant, readLock } from '../plugins/lock-file.ts';
import { readIndex } from '../plugins/plugin-index.ts';
import { changeIndex, packageFolder } from '../plugins/store.ts';
import type { NpmContext } from '../plugins/tree/npm-tree.ts';
import { bestVariant } from '../worker-types/variant-fit.ts';
import { resolveOptions } from '../worker-types/worker-options.ts';
import { type ArchiveContents, archiveOf, type PackedPlugin } from './archive-cache.ts';
import { isSamePlatform } from './collect-packages.ts';
import { type DeliveryRequest, findSource, isKnown } from './find-source.ts';
import { type FolderPlugin, folderEntries, folderPlace, readFolderPlugin } from './folder-plugin.ts';
import { inOwnFolder } from './own-folder.ts';
import { cachedPackage, keepPackage } from './package-cache.ts';
import { refuseUnknownPlatform } from './platforms.ts';
import type { BundleTarget } from './runtime.ts';
import { treeEntries } from './tree-entries.ts';
import { trustedPublishers, trustPublisher } from './trusted-publishers.ts';

export type { DeliveryRequest } from './find-source.ts';

export interface DeliveriesOptions
  extends Pick<InstallerOptions, 'data' | 'config' | 'cache' | 'env' | 'registry' | 'limits'> {
  fetcher: Pick<RegistryClient, 'resolve' | 'unpack'>;
  /** This machine. */
  here: BundleTarget;
}

/** The target machine. */
export interface DeliveryHost {
  /** Alias of its hive. */
  alias: string;
  facts: HostFacts;
}

/** An archive for one machine. */
export interface Delivery extends PackedPlugin {
  /** The requested variant, or the best one for the machine; the same tree may contain others. */
  variant: string;
  /** Its worker types. */
  types: readonly string[];
}

/** Asks the user whether to trust a publisher; throws if not. */
export type Confirm = (publisher: UnknownPublisher) => Promise<unknown>;

/** The program of a variant of a plugin that was delivered. */
export interface WantedProgram {
  type: string;
  variant: string;
  options?: Readonly<Record<string, unknown>>;
  /** Format of the model to load. */
  format?: string;
}

/** The package that a request refers to, independent of the machine. */
export interface ResolvedPlugin {
  package: string;
  version: string;
  integrity: string;
  /** Its worker types; empty if only rbee.lock was consulted. */
  types: readonly string[];
  source: 'registry' | 'installed' | 'folder';
}

/** One exact version of a plugin, and its folder. */
interface Origin {
  found: FoundPackage;
  tag: string | undefined;
  folder: string;
  /** A plugin that is used from its folder. */
  plugin?: FolderPlugin;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /**
   * Resolves a request to a package. Asks the registry only if rbee.lock has no answer; writes nothing. Errors: INVALID_INPUT,
   * PACKAGE_NOT_FOUND, PACKAGE_REFUSED, REGISTRY_UNREACHABLE, and any from folders and npm.
   */
  async resolve(request: DeliveryRequest, call: Call): Promise<ResolvedPlugin> {
    const source = await findSource(request, this.#options);
    if (source.kind === 'registry' && source.locked) {
      const { name, version, integrity } = source.locked;
      const types = typesOf((await cachedPackage(this.#options.cache, name, integrity))?.found.rbee);
      return { package: name, version, integrity, types: types.map(({ type }) => type), source: 'registry' };
    }
    return this.#inStaging(async (staging) => {
      const { found, plugin } = await this.#find(request, staging, call);
      const { name, version, integrity, registry, rbee } = found;
      const kind = plugin ? 'folder' : registry === null ? 'installed' : 'registry';
      return { package: name, version, integrity, types: typesOf(rbee).map(({ type }) => type), source: kind };
    });
  }

  /**
   * The plugin in an archive for this machine. Errors: any from `resolve`, examination and npm; PUBLISHER_UNKNOWN, unless
   * `confirm` says yes, and SCOPE_NOT_ALLOWED; VARIANT_NOT_FOUND and VARIANT_INCOMPATIBLE; PACKAGE_INCOMPATIBLE where a folder has packages of another platform;
   * HOST_UNSUPPORTED.
   */
  async deliver(
    request: DeliveryRequest,
    host: DeliveryHost,
    { confirm, ...call }: Call & { confirm?: Confirm },
  ): Promise<Delivery> {
    refuseUnknownPlatform(host.alias, host.facts.platform);
    return this.#inStaging(async (staging) => {
      const origin = await this.#find(request, staging, call, { confirm });
      const { found, tag, folder, plugin } = origin;
      const examined = await examine(folder, found);
      try {
        if (request.type !== undefined) refuseOtherType(request.type, examined);
        const { group, variant } = await this.#choose(request, host, { found, examined }, call);
        const of = { integrity: found.integrity, name: found.name, group, platform: host.facts.platform };
        const make = { origin, examined, group, host, call, offline: request.offline };
        const delivery = plugin
          ? await archiveOf(this.#options.cache, of, () => this.#packFolder(plugin, make), call)
          : await this.#packTree(of, make);
        const { tag: _, ...entry } = delivery.entry;
        const types = examined.types.map(({ name }) => name);
        return { ...delivery, variant, types, entry: { ...entry, ...(tag !== undefined && { tag }) } };
      } finally {
        examined.close();
      }
    });
  }

  /**
   * Resolves the program of a variant by the code of the delivered plugin, from its archive, in a separate folder and
   * process. Errors: TYPE_NOT_FOUND, OPTION_INVALID, PLUGIN_FAILED, those
   * of unpacking.
   */
  async sourcesOf(
    { archive, sha256, entry }: PackedPlugin,
    { type, variant, options, format }: WantedProgram,
    { facts: { platform } }: DeliveryHost,
    { signal }: Call,
  ): Promise<readonly BinarySource[]> {
    return this.#inStaging(async (staging) => {
      const folder = join(staging, 'delivered');
      await unpackBundle(archive, { sha256, folder, signal });
      const examined = await examineTree(await realInside(folder, entry.root), entry);
      try {
        const handle = examined.types.find(({ name }) => name === type);
        if (!handle) throw typeNotFound(type, examined);
        const model = format === undefined ? {} : { model: { format } };
        const chosen = resolveOptions(await handle.describe(), options);
        const request = { platform, version: entry.version, options: chosen, ...model };
        return await handle.resolveBinary(variant, request);
      } finally {
        examined.close();
      }
    });
  }

  /** Whether the package is installed here or pinned in rbee.lock. Does not ask the registry. */
  knows(name: string): Promise<boolean> {
    return isKnown(name, this.#options);
  }

  /** Finds the package, checks its publisher and downloads it. */
  async #find(
    request: DeliveryRequest,
    staging: string,
    call: Call,
    fetched?: { confirm: Confirm | undefined },
  ): Promise<Origin> {
    const { cache, fetcher } = this.#options;
    const { offline } = request;
    const source = await findSource(request, this.#options);
    if (source.kind === 'folder') {
      const plugin = await readFolderPlugin(source.root, cache, this.#npm(offline, call));
      return { found: plugin.found, tag: undefined, folder: plugin.root, plugin };
    }
    if (source.kind === 'installed') return { found: source.found, tag: undefined, folder: source.folder };
    const locked = source.kind === 'registry' ? source.locked : null;
    const cached = locked && (await cachedPackage(cache, locked.name, locked.integrity));
    const tag = source.kind === 'registry' ? source.tag : undefined;
    const context = this.#context(offline, staging, call);
    const found =
      cached?.found ??
      (source.kind === 'registry'
        ? await resolveSource(
            locked
              ? {
                  kind: 'registry',
                  candidates: [{ name: locked.name, range: locked.version }],
                  integrity: locked.integrity,
                }
              : { kind: 'registry', candidates: source.candidates },
            request.plugin,
            { offline },
            context,
          )
        : (await findPackage({ plugin: request.plugin, offline }, context)).found);
    if (!fetched) return { found, tag, folder: '' };
    await this.#checkTrust(found, request, fetched.confirm);
    const kept = cached ?? (await cachedPackage(cache, found.name, found.integrity));
    if (kept) return { found, tag, folder: kept.folder };
    const began = performance.now();
    const what = `${found.name} ${found.version}`;
    call.narrate({ kind: 'step', id: 'fetch', text: `fetching ${what}` });
    const unpack = (folder: string) => fetcher.unpack(found, folder, { offline, signal: call.signal });
    const { folder } = await keepPackage(cache, found, unpack);
    call.narrate({ kind: 'done', id: 'fetch', text: `fetched ${what}`, ms: performance.now() - began });
    return { found, tag, folder };
  }

  /** A publisher that was trusted once, for any machine, is not asked about again. */
  async #checkTrust(
    found: FoundPackage,
    { yes, accepted }: DeliveryRequest,
    confirm: Confirm | undefined,
  ): Promise<void> {
    const { data, cache, registry } = this.#options;
    const known = [...(await readIndex(data)), ...(await trustedPublishers(cache))];
    const unknown = unknownPublisher(found, known, { yes, accepted, allowedScopes: registry.allowedScopes });
    if (unknown && !confirm) throw publisherUnknown(unknown);
    if (unknown) await confirm?.(unknown);
    await trustPublisher(cache, found);
  }

  async #choose(
    { variant: asked }: DeliveryRequest,
    { alias, facts }: DeliveryHost,
    { found, examined }: { found: FoundPackage; examined: Examined },
    { narrate }: Call,
  ): Promise<{ group: TreeGroup; variant: string }> {
    const [first] = examined.types;
    // If the code needs packages that are not installed yet, all variants get the same packages.
    const canAsk = first !== undefined && examined.descriptions !== null;
    const variant = asked ?? (canAsk ? await bestVariant(first, facts, narrate) : undefined);
    const wanted = { found, examined, before: undefined, variant, hive: alias, choose: async () => variant ?? '' };
    const [group] = await wantedGroups(groupVariants(found, examined, facts.platform), wanted);
    if (!group) throw new Error('no tree was chosen');
    return { group, variant: variant ?? group.variants[0] ?? '' };
  }

  async #packFolder(plugin: FolderPlugin, { origin, group, host }: Making): Promise<ArchiveContents> {
    const target = host.facts.platform;
    const entries = await folderEntries(plugin, group, { target, here: this.#options.here });
    return { entry: entryOf(origin, group, target, folderPlace), entries };
  }

  /** Uses the npm lock from rbee.lock, if there is one, so that the tree is identical. */
  async #packTree(of: object, making: Making): Promise<PackedPlugin> {
    const { origin, examined, group, host, call, offline } = making;
    const { found, tag, folder: unpacked } = origin;
    const { cache, config, limits } = this.#options;
    const { platform: target } = host.facts;
    const lock = (await readLock(config)).find((one) => isLocked(one, found));
    const npmLock = lock?.variants.find(
      ({ id, platform }) => group.variants.includes(id) && platform === `${target.os}-${target.cpu}`,
    )?.npm_lock;
    let locked: LockedVariant[] = [];
    const delivery = await archiveOf(
      cache,
      { ...of, npmLock },
      async (own) => {
        const folder = join(own, 'tree');
        await mkdir(folder, { mode: 0o700 });
        const npm = { ...this.#npm(offline, call), limits };
        const { narrate } = call;
        locked = await makeTree(folder, { unpacked, found, group, target, lock, scripts: false, npm, narrate });
        const inner = packageFolder('', found.name);
        // Only the hive on that platform can check the packages.
        if (!examined.descriptions && isSamePlatform(target, this.#options.here))
          (await examineTree(join(folder, inner), found)).close();
        call.signal.throwIfAborted();
        const entry = entryOf(origin, group, target, inner);
        return { entry, entries: await treeEntries(folder), alsoBy: { ...of, npmLock: locked[0]?.npm_lock } };
      },
      call,
    );
    if (found.registry !== null && (locked.length > 0 || !lock)) await this.#lock(origin, locked, tag);
    return delivery;
  }

  /** Unless the lock has another version, which one machine's request must not change. */
  async #lock({ found }: Origin, locked: readonly LockedVariant[], tag: string | undefined): Promise<void> {
    const { data, config } = this.#options;
    // Installations on this machine write it under the same lock.
    await changeIndex(data, async (entries) => {
      const other = (await readLock(config)).find((one) => one.name === found.name && !isLocked(one, found));
      if (!other || tag !== undefined)
        await changeLock(config, found.name, await lockedPlugin(found, tag, locked, config));
      return { entries, result: null };
    });
  }

  #context(offline: boolean | undefined, staging: string, call: Call): FindContext {
    const { data, config, fetcher } = this.#options;
    return { data, config, fetcher, staging, npm: this.#npm(offline, call), call };
  }

  #npm(offline: boolean | undefined, { narrate, signal }: Call): NpmContext {
    const { env, data, registry } = this.#options;
    return { env, data, offline, signal, narrate, ...(registry.url !== null && { registry: registry.url }) };
  }

  #inStaging<Result>(work: (staging: string) => Promise<Result>): Promise<Result> {
    return inOwnFolder(join(this.#options.cache, 'packages'), work);
  }
}

interface Making {
  origin: Origin;
  examined: Examined;
  group: TreeGroup;
  host: DeliveryHost;
  call: Call;
  offline: boolean | undefined;
}

/** The name came from a hive, so the package must contain the requested type. */
const refuseOtherType = (type: string, { manifest }: Examined): void => {
  const names = manifest.workerTypes.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  if (type === manifest.package || names.includes(type)) return;
  const problem = `it does not have worker type ${type}`;
  throw RbeeError.of('PACKAGE_REFUSED', { package: `${manifest.package}@${manifest.version}`, problem });
};

const typeNotFound = (type: string, { types }: Examined): RbeeError =>
  RbeeError.of('TYPE_NOT_FOUND', { type, known: types.map(({ name }) => name).join(', '), near: '' });

const entryOf = ({ found }: Origin, { variants }: TreeGroup, target: BundleTarget, root: string): DeliveredPlugin => {
  const { name, version, integrity, registry, publisher, signature } = found;
  const { os, cpu, libc } = target;
  const platform = { os, cpu, ...(libc !== undefined && { libc }) };
  return { name, version, integrity, variants: [...variants], platform, root, registry, publisher, signature };
};
