/** Finds plugins: with the registry's search if it has one, else in the index package that rbee publishes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginHit } from '../../contract/plugins.ts';
import { FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import { typesOf } from './plugin-types.ts';
import { askRegistry } from './registry-request.ts';
import { publisherOf, readPackument, resolvePackage, textOr } from './resolve.ts';
import { saveTarball } from './tarball.ts';
import { unpackPackage } from './unpack-package.ts';

export const keyword = 'rbee-worker';
/** A package that contains only `plugins.json`, an array of `PluginHit`. For registries without a search. */
export const indexPackage = '@rbee/plugin-index';
const maxHits = 50;

export const searchPlugins = async (text: string, options: NpmOptions): Promise<PluginHit[]> => {
  const names = await namesOf(text, options);
  if (names === null) return fromIndex(text, options);
  const hits = await Promise.all(names.slice(0, maxHits).map((name) => hitOf(name, options)));
  return hits.filter((hit) => hit !== null && matches(hit, text)).map((hit) => hit as PluginHit);
};

interface Found {
  objects?: { package?: { name?: unknown; keywords?: unknown } }[];
}

/** Names of packages that may be plugins; null if the registry has no search. */
const namesOf = async (text: string, options: NpmOptions): Promise<string[] | null> => {
  const ask = async (query: string): Promise<string[]> => {
    const path = `/-/v1/search?text=${encodeURIComponent(query)}&size=250`;
    const { objects = [] } = (await askRegistry(path, options)) as Found;
    return objects.flatMap(({ package: found }) =>
      typeof found?.name === 'string' && (!Array.isArray(found.keywords) || found.keywords.includes(keyword))
        ? [found.name]
        : [],
    );
  };
  try {
    const names = await ask(`keywords:${keyword} ${text}`.trim());
    // Some private registries search names only, or support no qualifiers: fetch everything and filter here.
    return names.length > 0 ? names : await ask('');
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (/^E(404|400|405|501)$/.test(code)) return null;
    throw error;
  }
};

/** A plugin according to its newest version; null if it is not a plugin. */
const hitOf = async (name: string, options: NpmOptions): Promise<PluginHit | null> => {
  const packument = await readPackument(name, options).catch(() => null);
  const document = packument?.versions[packument['dist-tags']?.['latest'] ?? ''];
  const types = typesOf(document?.rbee);
  if (!document || types.length === 0) return null;
  const { id, account } = publisherOf(name, document._npmUser?.name);
  return {
    name,
    version: textOr(document.version, ''),
    description: textOr(document.description, ''),
    license: textOr(document.license, null),
    publisher: account ?? id,
    types,
  };
};

const matches = ({ name, description, types }: PluginHit, text: string): boolean => {
  const all = [name, description, ...types.flatMap(({ type, serves }) => [type, ...serves])].join(' ').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
};

/** Parses an entry of the index, which is untrusted: invalid fields are dropped. */
const readHit = (entry: Record<string, unknown> | null): PluginHit[] => {
  if (typeof entry?.['name'] !== 'string' || !Array.isArray(entry['types'])) return [];
  const { name, version, description, license, publisher } = entry;
  const types = typesOf({ workerTypes: Object.fromEntries(entry['types'].map((one) => [String(one?.type), one])) });
  return [
    {
      name,
      version: textOr(version, ''),
      description: textOr(description, ''),
      license: textOr(license, null),
      publisher: textOr(publisher, publisherOf(name, null).id),
      types,
    },
  ];
};

const fromIndex = async (text: string, options: NpmOptions): Promise<PluginHit[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-index-'));
  try {
    const source = { kind: 'registry', candidates: [{ name: indexPackage, range: null }] } as const;
    const { name, version, integrity, tarball } = await resolvePackage(source, folder, options);
    const file = join(folder, 'package.tgz');
    await saveTarball({ spec: `${name}@${version}`, file, options, resolved: tarball, integrity });
    await unpackPackage(file, join(folder, 'package'), name);
    const index: unknown = JSON.parse(await readFile(join(folder, 'package', 'plugins.json'), 'utf8'));
    return (Array.isArray(index) ? index.flatMap(readHit) : []).filter((hit) => matches(hit, text)).slice(0, maxHits);
  } catch (error) {
    if (!(error instanceof FetchError && error.failure.kind === 'missing')) throw error;
    const problem = `it has neither a search nor the package ${indexPackage}`;
    throw new FetchError('missing', options.registry, problem, error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
