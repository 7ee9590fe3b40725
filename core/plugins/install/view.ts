/** Index entries of plugins, and their views. */
import { valid } from 'semver';
import type { PluginView } from '../../contract/plugins.ts';
import { readManifest } from '../../worker-types/manifest.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';
import { signatureText } from '../fetch/trust.ts';
import type { IndexEntry } from '../plugin-index.ts';

/** The range that updates follow, by default `latest`; undefined for an exact version. */
export const pinOf = (range: string | null): string | undefined =>
  range === null ? 'latest' : valid(range) === null ? range : undefined;

/** Identity and publisher of a package. */
export type IdentifiedPackage = Pick<
  FoundPackage,
  'name' | 'version' | 'integrity' | 'registry' | 'publisher' | 'signature'
>;

interface EntryParts {
  found: IdentifiedPackage;
  tag: string | undefined;
  /** Package folder of each variant that was just installed. */
  variants: Record<string, string>;
  /** Whether the packages' install scripts were run for these variants. */
  scripts: boolean;
  /** The previous entry of this plugin. */
  before: IndexEntry | undefined;
}

export const indexEntryOf = ({ found, tag, variants, scripts, before }: EntryParts): IndexEntry => {
  const { name, version, integrity, registry, publisher } = found;
  const isSame = before?.integrity === integrity;
  const all = isSame ? { ...before?.variants, ...variants } : variants;
  const others = isSame ? (before?.scripts ?? []).filter((one) => !Object.hasOwn(variants, one)) : [];
  const withScripts = [...others, ...(scripts ? Object.keys(variants) : [])].sort();
  return {
    name,
    type: 'link',
    root: rootOf(all, isSame ? before : undefined, variants),
    version,
    integrity,
    ...(tag !== undefined && { tag }),
    publisher: publisher.id,
    registry,
    signature: signatureText(found),
    variants: all,
    ...(withScripts.length > 0 && { scripts: withScripts }),
    ...(isSame ? before?.previous && { previous: before.previous } : previousOf(before)),
  };
};

/** The previous folder of the variant, if it still exists. */
const rootOf = (
  all: Readonly<Record<string, string>>,
  before: IndexEntry | undefined,
  variants: Readonly<Record<string, string>>,
): string => {
  const [first] = Object.entries(before?.variants ?? {}).find(([, root]) => root === before?.root) ?? [];
  return (first !== undefined && all[first]) || before?.root || Object.values(variants)[0] || '';
};

const previousOf = (before: IndexEntry | undefined): Pick<IndexEntry, 'previous'> => {
  if (before?.version === undefined || before.integrity === undefined) return {};
  const { version, integrity, variants = {} } = before;
  return { previous: { version, integrity, variants } };
};

export const pluginView = async (entry: IndexEntry, changed: boolean): Promise<PluginView> => {
  const manifest = await readManifest(entry.root).catch(() => null);
  const all = [...new Set(manifest?.workerTypes.flatMap((type) => type.variants) ?? [])];
  return {
    name: entry.name,
    version: entry.version ?? manifest?.version ?? '',
    source: entry.integrity === undefined ? 'link' : 'installed',
    types: manifest?.workerTypes.map(({ name }) => name) ?? [],
    variants: all,
    installed: entry.integrity === undefined ? all : Object.keys(entry.variants ?? {}),
    root: entry.root,
    integrity: entry.integrity ?? null,
    publisher: entry.publisher ?? null,
    registry: entry.registry ?? null,
    follows: entry.tag ?? null,
    ...(entry.scripts && { scripts: entry.scripts }),
    previous: entry.previous?.version ?? null,
    changed,
  };
};
