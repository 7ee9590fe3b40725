/**
 * Resolves a request for a plugin on another machine: a folder of this machine, a package that was installed here from
 * outside a registry, the version in rbee.lock, or the newest in the registry.
 */
import { join } from 'node:path';
import { satisfies, valid, validRange } from 'semver';
import { readSmallFile } from '../boundary/small-file.ts';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import { type Candidate, type PluginRequest, parseRequest } from '../plugins/fetch/request.ts';
import { type LockedPlugin, readLock } from '../plugins/lock-file.ts';
import { type IndexEntry, locatePlugins, type PluginLocation, readIndex } from '../plugins/plugin-index.ts';
import { readManifest } from '../worker-types/manifest.ts';

export interface DeliveryRequest {
  /** Worker type or package, with or without a version (`name@^1`), tarball, folder or git address. */
  plugin: string;
  /**
   * The worker type that the user asked for, if a hive named `plugin`. Then `plugin` must be a package that this machine
   * knows and that contains this type.
   */
  type?: string;
  /** Version, range or tag, if `plugin` contains none. */
  version?: string;
  /** The best one for the machine if absent. */
  variant?: string;
  /** Trust its publisher without asking. */
  yes?: boolean;
  /** The package that the user confirmed, as in PUBLISHER_UNKNOWN. */
  accepted?: string;
  /** Use the cache only. */
  offline?: boolean;
  /** Ignore the version in rbee.lock. */
  update?: boolean;
}

export type PluginSource =
  | { kind: 'folder'; root: string }
  /** From its folder on this machine. */
  | { kind: 'installed'; found: FoundPackage; folder: string }
  /** `locked` is its entry in rbee.lock, if that applies. */
  | { kind: 'registry'; candidates: readonly Candidate[]; locked: LockedPlugin | null; tag: string | undefined }
  | { kind: 'elsewhere'; request: Exclude<PluginRequest, { kind: 'registry' }> };

/** Errors: INVALID_INPUT, INDEX_INVALID, CONFIG_INVALID. */
export const findSource = async (
  { plugin: named, type, version, update = false }: DeliveryRequest,
  { data, config }: Places,
): Promise<PluginSource> => {
  const plugin = type === undefined || (await isKnown(named, { data, config })) ? named : type;
  const asked = parseRequest(version === undefined ? plugin : `${plugin}@${version}`);
  if (asked.kind !== 'registry') return { kind: 'elsewhere', request: asked };
  const range = asked.candidates[0]?.range ?? null;
  const here = await findHere(plugin, asked.candidates, data);
  if (here && isMeant(here.version, range)) {
    if (here.location.source !== 'installed') return { kind: 'folder', root: here.location.root };
    const installed = await unregistered(here, data);
    if (installed) return { kind: 'installed', ...installed };
  }
  // A typo must not install a package from an unknown publisher.
  const own = here && here.location.source === 'installed' ? [here.name] : ownNames(plugin, asked.candidates);
  const locked = (await readLock(config)).find((one) => own.includes(one.name)) ?? null;
  const isPinned = locked !== null && !update && isSame(locked, range);
  const wanted = update && range === null ? (locked?.requested ?? null) : range;
  return {
    kind: 'registry',
    candidates: own.map((name) => ({ name, range: wanted })),
    locked: isPinned ? locked : null,
    tag: wanted === null ? (isPinned ? locked.requested : 'latest') : valid(wanted) === null ? wanted : undefined,
  };
};

/** Whether a package with exactly this name is installed or in rbee.lock. */
export const isKnown = async (name: string, { data, config }: Places): Promise<boolean> => {
  if ((await readLock(config)).some((one) => one.name === name)) return true;
  for (const { root } of await locatePlugins(data)) {
    if ((await readManifest(root).catch(() => null))?.package === name) return true;
  }
  return false;
};

interface Places {
  data: string;
  config: string;
}

interface Here {
  name: string;
  version: string;
  location: PluginLocation;
}

/** The installed plugin that a package name, type or alias refers to. */
const findHere = async (plugin: string, candidates: readonly Candidate[], data: string): Promise<Here | null> => {
  const word = candidates.at(-1)?.name ?? plugin;
  for (const location of await locatePlugins(data)) {
    const manifest = await readManifest(location.root).catch(() => null);
    if (!manifest) continue;
    const isType = manifest.workerTypes.some(({ name, aliases = [] }) => name === word || aliases.includes(word));
    const isPackage = candidates.some(({ name }) => name === manifest.package);
    if (isType || isPackage) return { name: manifest.package, version: manifest.version, location };
  }
  return null;
};

const ownNames = (plugin: string, candidates: readonly Candidate[]): string[] => {
  const names = candidates.map(({ name }) => name);
  return plugin.includes('/') ? names : names.filter((name) => name.startsWith('@'));
};

/** No version, or `latest`, means the installed one. */
const isMeant = (version: string, range: string | null): boolean =>
  range === null || range === 'latest' || (validRange(range) !== null && satisfies(version, range));

/** Whether the request resolves to what rbee.lock has. */
const isSame = ({ version, requested }: LockedPlugin, range: string | null): boolean =>
  range === null ||
  range === 'latest' ||
  range === requested ||
  (validRange(range) !== null && satisfies(version, range));

/** A plugin that was installed from a file, a folder or git, in its installed folder; null if it is from a registry. */
const unregistered = async ({ name }: Here, data: string): Promise<{ found: FoundPackage; folder: string } | null> => {
  const entry = (await readIndex(data)).find((one) => one.name === name);
  if (entry?.integrity === undefined || entry.registry) return null;
  const json = JSON.parse(await readSmallFile(join(entry.root, 'package.json'))) as Partial<FoundPackage>;
  return { folder: entry.root, found: foundOf(entry, json) };
};

const foundOf = (entry: IndexEntry, json: Partial<FoundPackage>): FoundPackage => ({
  name: entry.name,
  version: entry.version ?? json.version ?? '',
  integrity: entry.integrity ?? '',
  tarball: entry.root,
  registry: null,
  publisher: { id: entry.publisher ?? entry.name, account: null },
  license: null,
  description: json.description ?? '',
  deprecated: null,
  dependencies: json.dependencies ?? {},
  optionalDependencies: json.optionalDependencies ?? {},
  scripts: false,
  rbee: json.rbee,
  signature: { state: 'none', provenance: null, note: entry.signature ?? null },
});
