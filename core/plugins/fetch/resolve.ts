/** Resolves a request to one exact version, from the registry or from a packed package. */

import { join } from 'node:path';
import { maxSatisfying, validRange } from 'semver';
import type { FoundPackage, PackageSource, Publisher } from './fetch-calls.ts';
import { asFailure, FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import type { PackageDocument } from './package-document.ts';
import { readPackedManifest } from './packed-manifest.ts';
import { askAboutPackage } from './registry-request.ts';
import type { Candidate } from './request.ts';
import { noSignature, verifySignature } from './signatures.ts';
import { saveTarball } from './tarball.ts';
import { ownerOf } from './trust.ts';

interface Packument {
  name: string;
  versions: Record<string, PackageDocument>;
  'dist-tags'?: Record<string, string>;
  /** Why this answer comes from the cache; null if it is fresh. */
  stale: string | null;
}

export const resolvePackage = async (
  source: PackageSource,
  folder: string,
  options: NpmOptions,
): Promise<FoundPackage> => {
  if (source.kind === 'registry') return resolveInRegistry(source, options);
  const from = source.kind === 'tarball' ? source.file : source.url;
  const file = join(folder, 'package.tgz');
  const integrity = await saveTarball({ spec: source.kind === 'tarball' ? `file:${from}` : from, file, options });
  const document = await readPackedManifest(file, from);
  return {
    ...described(document, from),
    integrity,
    tarball: file,
    registry: null,
    signature: noSignature('it is not from a registry'),
  };
};

const resolveInRegistry = async (
  { candidates, integrity }: Extract<PackageSource, { kind: 'registry' }>,
  options: NpmOptions,
): Promise<FoundPackage> => {
  const missing: string[] = [];
  for (const candidate of candidates) {
    const packument = await readPackument(candidate.name, options);
    if (packument) return fromPackument(packument, candidate, integrity, options);
    missing.push(candidate.name);
  }
  throw new FetchError('missing', missing.join(' or '), `the registry ${options.registry} does not have it`);
};

/** Null if the registry has no such package. */
export const readPackument = async (name: string, options: NpmOptions): Promise<Packument | null> => {
  try {
    // The abbreviated document of registries lacks the field that marks a plugin.
    const { document, stale } = await askAboutPackage(name, options);
    const packument = document as Packument | null;
    if (typeof packument?.versions === 'object' && packument.versions !== null)
      return { ...packument, stale: stale === null ? null : asFailure(stale, name).problem };
    throw new FetchError('broken', name, 'the registry did not answer with a package');
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'E404') return null;
    throw error;
  }
};

const fromPackument = async (
  packument: Packument,
  { name, range }: Candidate,
  expected: string | undefined,
  options: NpmOptions,
): Promise<FoundPackage> => {
  const version = chooseVersion(packument, name, range);
  const document = packument.versions[version] as PackageDocument;
  const spec = `${name}@${version}`;
  const { integrity, tarball } = document.dist ?? {};
  if (typeof tarball !== 'string' || !/^https?:\/\//.test(tarball)) {
    throw new FetchError('refused', spec, 'the registry gives no download address for it');
  }
  const sha512 = typeof integrity === 'string' ? integrity.split(/\s+/).find((one) => one.startsWith('sha512-')) : null;
  if (!sha512) throw new FetchError('refused', spec, 'the registry gives no sha512 for it, so it cannot be verified');
  if (expected !== undefined && expected !== sha512) {
    const problem = `its integrity is ${sha512}, but rbee.lock says ${expected}: the version was published again`;
    throw new FetchError('refused', spec, problem);
  }
  const found = described(document, spec);
  if (found.name !== name || found.version !== version) {
    throw new FetchError('refused', spec, `the registry answered with ${found.name}@${found.version}`);
  }
  return {
    ...found,
    integrity: sha512,
    tarball,
    registry: String(options[`${name.split('/')[0]}:registry`] ?? options.registry),
    signature:
      packument.stale !== null
        ? noSignature('the registry cannot be reached')
        : await verifySignature(spec, document, options),
    ...(packument.stale !== null && { stale: packument.stale }),
  };
};

const chooseVersion = (packument: Packument, name: string, range: string | null): string => {
  const has = (version: string): boolean => Object.hasOwn(packument.versions ?? {}, version);
  const tags = packument['dist-tags'] ?? {};
  const tag = range ?? 'latest';
  if (Object.hasOwn(tags, tag) && has(String(tags[tag]))) return String(tags[tag]);
  const versions = Object.keys(packument.versions ?? {});
  const wanted = range === null || range === 'latest' ? '*' : validRange(range);
  const version = wanted === null ? null : maxSatisfying(versions, wanted);
  if (version !== null) return version;
  if (packument.stale !== null) {
    throw new FetchError('unreachable', `${name}@${tag}`, `${packument.stale}, and that version is not in the cache`);
  }
  const tagNames = Object.keys(tags).filter((one) => one !== 'latest');
  const known = [...versions.slice(-5), ...tagNames].join(', ') || 'none';
  throw FetchError.noVersion(name, { asked: tag, known });
};

/** Normalizes the fields of a package.json. */
const described = (document: PackageDocument, from: string) => {
  const { name, version, license } = document;
  if (typeof name !== 'string' || typeof version !== 'string') {
    throw new FetchError('refused', from, 'its package.json has no name and version');
  }
  return {
    name,
    version,
    publisher: publisherOf(name, document._npmUser?.name),
    license: typeof license === 'string' ? license : null,
    description: textOr(document.description, ''),
    deprecated: typeof document.deprecated === 'string' ? document.deprecated : null,
    dependencies: texts(document.dependencies),
    optionalDependencies: texts(document.optionalDependencies),
    scripts: ['preinstall', 'install', 'postinstall'].some((script) => script in texts(document.scripts)),
    rbee: document.rbee ?? null,
  };
};

export const publisherOf = (name: string, account: unknown): Publisher => ({
  id: ownerOf(name),
  account: typeof account === 'string' ? account : null,
});

export const textOr = <Other>(value: unknown, other: Other): string | Other =>
  typeof value === 'string' ? value : other;

const texts = (value: unknown): Record<string, string> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
    : {};
