/** Decides which trees of a plugin to build. */
import { RbeeError } from '../../contract/errors.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';
import type { IndexEntry } from '../plugin-index.ts';
import type { Examined } from './examine.ts';
import type { TreeGroup } from './stage.ts';

export interface WantedRequest {
  found: FoundPackage;
  examined: Examined;
  /** The plugin's current index entry. */
  before: IndexEntry | undefined;
  variant?: string;
  force?: boolean;
  /** Whether to run their packages' install scripts. */
  scripts?: boolean;
  /** Alias of the hive, for errors. */
  hive: string;
  /** The best variant for this machine. */
  choose: () => Promise<string>;
}

/**
 * The trees of the requested variant, else of the installed variants, else of the best one for this machine. Errors:
 * VARIANT_NOT_FOUND, VARIANT_INCOMPATIBLE if it does not exist for this platform.
 */
export const wantedGroups = async (
  groups: readonly TreeGroup[],
  { found, examined, before, variant, force, scripts, hive, choose }: WantedRequest,
): Promise<TreeGroup[]> => {
  const known = groups.flatMap(({ variants }) => variants);
  const had = Object.keys(before?.variants ?? {}).filter((one) => known.includes(one));
  const isSame = before?.integrity === found.integrity;
  const asked = variant === undefined ? [] : [variant];
  for (const one of asked) refuseVariant(one, known, examined, hive);
  const lacking = scripts && asked.length === 0 ? had.filter((one) => !before?.scripts?.includes(one)) : [];
  let wanted = isSame && !force ? [...asked, ...lacking] : [...asked, ...had];
  if (wanted.length === 0) {
    // All share one tree: nothing to choose.
    const only = groups.length === 1 || !examined.descriptions;
    wanted = only ? known.slice(0, 1) : [await choose()];
  }
  const [first = examined.manifest.workerTypes[0]?.variants[0] ?? ''] = wanted;
  refuseVariant(first, known, examined, hive);
  return groups.filter(({ variants }) => variants.some((one) => wanted.includes(one)));
};

const refuseVariant = (variant: string, here: readonly string[], { manifest }: Examined, hive: string): void => {
  if (here.includes(variant)) return;
  const type = manifest.workerTypes.map(({ name }) => name).join(', ');
  const all = new Set(manifest.workerTypes.flatMap((one) => one.variants));
  if (!all.has(variant)) throw RbeeError.of('VARIANT_NOT_FOUND', { type, variant, known: [...all].join(', ') });
  throw RbeeError.of('VARIANT_INCOMPATIBLE', {
    type,
    variant,
    hive,
    reasons: 'it is not built for this platform',
    hint: `variants for this platform: ${here.join(', ') || 'none'}`,
  });
};
