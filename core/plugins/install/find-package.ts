/** Resolves a request to one exact package: from index and lock if they pin it, else from the registry. */
import { join } from 'node:path';
import { exists } from '../../lifecycle/fs/file-kind.ts';
import type { FoundPackage, PackageSource } from '../fetch/fetch-calls.ts';
import { cloneSource } from '../fetch/git-source.ts';
import type { RegistryClient } from '../fetch/registry-client.ts';
import { type Candidate, type PluginRequest, parseRequest } from '../fetch/request.ts';
import { readLock } from '../lock-file.ts';
import { type IndexEntry, readIndex } from '../plugin-index.ts';
import { type NpmContext, packFolder } from '../tree/npm-tree.ts';
import type { Call, InstallRequest } from './installer-options.ts';
import { pinOf } from './view.ts';

export interface FindContext {
  data: string;
  config: string;
  fetcher: Pick<RegistryClient, 'resolve'>;
  /** A temporary folder for this installation. */
  staging: string;
  npm: NpmContext;
  call: Call;
}

export interface FoundRequest {
  found: FoundPackage;
  /** Range or tag that updates follow; undefined to keep the current one. */
  tag: string | undefined;
}

/** With `ownOnly`, a bare word can only be a type in rbee's own scope. Errors: any from fetching, packing, git. */
export const findPackage = async (
  request: Pick<InstallRequest, 'plugin' | 'offline'> & { ownOnly?: boolean },
  context: FindContext,
): Promise<FoundRequest> => {
  const asked = parseRequest(request.plugin);
  if (asked.kind !== 'registry') {
    const source = await packed(asked, context);
    return { found: await resolveSource(source, request.plugin, request, context), tag: undefined };
  }
  // A typo must not install a package from an unknown publisher.
  const own = asked.candidates.filter(({ name }) => !request.ownOnly || name.startsWith('@'));
  const pin = await pinned(own, context);
  const source: PackageSource = pin?.source ?? { kind: 'registry', candidates: own };
  const found = await resolveSource(source, request.plugin, request, context);
  return { found, tag: pin ? pin.tag : pinOf(asked.candidates[0]?.range ?? null) };
};

/** Looks up the package of a source, and reports noteworthy facts. */
export const resolveSource = async (
  source: PackageSource,
  asked: string,
  { offline }: { offline?: boolean },
  { fetcher, staging, call: { narrate, signal } }: Pick<FindContext, 'fetcher' | 'staging' | 'call'>,
): Promise<FoundPackage> => {
  const began = performance.now();
  narrate({ kind: 'step', id: 'resolve', text: `looking for ${asked}` });
  const found = await fetcher.resolve(source, staging, { offline, signal });
  const { name, version, stale, deprecated } = found;
  narrate({ kind: 'done', id: 'resolve', text: `found ${name} ${version}`, ms: performance.now() - began });
  if (stale !== undefined)
    narrate({
      kind: 'warning',
      text: `the registry cannot be reached (${stale}); using the cached ${name} ${version}`,
    });
  if (deprecated) narrate({ kind: 'warning', text: `${name} ${version} is deprecated: ${deprecated}` });
  return found;
};

/** The entry of the requested plugin, if it is installed and no lookup is needed. */
export const findInstalledEntry = async (
  { plugin, variant, scripts }: InstallRequest,
  data: string,
): Promise<IndexEntry | null> => {
  const asked = parseRequest(plugin);
  if (asked.kind !== 'registry') return null;
  for (const entry of await readIndex(data)) {
    const { name, version, integrity, registry } = entry;
    const meant = asked.candidates.some((one) => one.name === name && (one.range === null || one.range === version));
    if (meant && integrity && registry && (await isInstalled(entry, { integrity }, { variant, scripts }))) return entry;
  }
  return null;
};

/**
 * Whether exactly this package is installed, with the requested variant or, without one, any variant. With `scripts`,
 * install scripts must have been run: for that variant, or for all installed ones.
 */
export const isInstalled = async (
  entry: IndexEntry,
  found: Pick<FoundPackage, 'integrity'>,
  { variant, scripts = false }: Pick<InstallRequest, 'variant' | 'scripts'>,
): Promise<boolean> => {
  if (entry.integrity !== found.integrity) return false;
  const asked = variant === undefined ? Object.keys(entry.variants ?? {}) : [variant];
  if (scripts && asked.some((one) => !entry.scripts?.includes(one))) return false;
  const root = variant === undefined ? entry.root : entry.variants?.[variant];
  return root !== undefined && (await exists(join(root, 'package.json')));
};

/** The installed or locked package, if the request names no version. */
const pinned = async (
  candidates: readonly Candidate[],
  { data, config }: FindContext,
): Promise<{ source: PackageSource; tag: string | undefined } | null> => {
  if (candidates.some(({ range }) => range !== null)) return null;
  const names = candidates.map(({ name }) => name);
  const entry = (await readIndex(data)).find(
    ({ name, integrity, registry }) => names.includes(name) && integrity !== undefined && registry,
  );
  const locked = (await readLock(config)).find(({ name }) => names.includes(name));
  const pin = entry ? { ...entry, requested: entry.tag } : locked;
  if (!pin?.version || !pin.integrity) return null;
  const candidate = { name: pin.name, range: pin.version };
  return { source: { kind: 'registry', candidates: [candidate], integrity: pin.integrity }, tag: pin.requested };
};

/** Packs a source that is not a packed package yet. */
const packed = async (
  asked: Exclude<PluginRequest, { kind: 'registry' }>,
  { staging, npm }: FindContext,
): Promise<PackageSource> => {
  if (asked.kind === 'tarball' || asked.kind === 'remote') return asked;
  const folder = asked.kind === 'folder' ? asked.folder : await cloneSource(asked.address, join(staging, 'clone'), npm);
  return { kind: 'tarball', file: await packFolder(folder, staging, npm) };
};
