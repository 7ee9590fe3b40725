/**
 * What a request for a plugin means when it goes to another machine: a folder of this one, a package that was installed
 * here from elsewhere than a registry, or what rbee.lock or else the registry says.
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
   * The worker type that a person asked for, where a hive has named `plugin`. Then `plugin` counts only if it is a package
   * that this machine knows, and it must have this type.
   */
  type?: string;
  /** Version, range or tag, where `plugin` names none. */
  version?: string;
  /** The best one for the machine when absent. */
  variant?: string;
  /** Let its publisher in without asking. */
  yes?: boolean;
  /** The very package that was asked about, as PUBLISHER_UNKNOWN named it. */
  accepted?: string;
  /** Use only what was fetched before. */
  offline?: boolean;
  /** Look for something newer than rbee.lock says. */
  update?: boolean;
}

export type PluginSource =
  | { kind: 'folder'; root: string }
  /** As it lies here; no registry has it. */
  | { kind: 'installed'; found: FoundPackage; folder: string }
  /** `locked` is what rbee.lock says of it, where that is to be taken. */
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
  // A word that someone mistyped must not bring a stranger's package of that name.
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

/** Is a package of exactly this name here, or in rbee.lock? */
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

/** The plugin of this machine that is meant by a package, a type or an alias. */
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

/** Without a version, and as the newest, what is here is meant. */
const isMeant = (version: string, range: string | null): boolean =>
  range === null || range === 'latest' || (validRange(range) !== null && satisfies(version, range));

/** Has what is asked for come to mean what rbee.lock says? */
const isSame = ({ version, requested }: LockedPlugin, range: string | null): boolean =>
  range === null ||
  range === 'latest' ||
  range === requested ||
  (validRange(range) !== null && satisfies(version, range));

/** A plugin that was installed from a file, a folder or git, from where it lies; null for one of a registry. */
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
