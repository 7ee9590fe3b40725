/** What a model can do whichever of its workers answers. */
import type { HiveWorker } from '../../contract/hive-api.ts';

/** Of numbers the lowest. What one worker does not tell is left out. */
export const commonAbilities = (
  workers: readonly Pick<HiveWorker, 'abilities'>[],
): Record<string, boolean | number> => {
  const [first = {}, ...others] = workers.map(({ abilities = {} }) => abilities);
  const common: Record<string, boolean | number> = { ...first };
  for (const other of others) {
    for (const [name, value] of Object.entries(common)) {
      const theirs = Object.hasOwn(other, name) ? other[name] : undefined;
      if (typeof value === 'number' && typeof theirs === 'number') common[name] = Math.min(value, theirs);
      else if (typeof value === 'boolean' && typeof theirs === 'boolean') common[name] = value && theirs;
      else delete common[name];
    }
  }
  return common;
};
