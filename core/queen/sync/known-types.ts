/** The worker types known without a network: those of this machine, of the other hives, and rbee's own. */
import { ownTypes } from '../../config/type-names.ts';
import { WorkerTypes } from '../../plugins/worker-types.ts';
import type { Fleet } from '../fleet/fleet.ts';

export interface TypesHere {
  /** All known type names. */
  names: readonly string[];
  /** Types installed on this machine, which can be described. */
  here: WorkerTypes;
}

/** Reads manifests only. Describing a type runs plugin code, which ends with `work`. */
export const withKnownTypes = async <Result>(
  { data, fleet }: { data: string; fleet: Fleet },
  work: (types: TypesHere) => Promise<Result>,
): Promise<Result> => {
  const here = new WorkerTypes(data, () => {});
  try {
    // If the index is damaged, the types of the hives are still known.
    await here.refresh().catch(() => {});
    const catalog = [...here.list(), ...[...fleet.members()].flatMap(({ state }) => state?.catalog ?? [])];
    const names = catalog.filter(({ fault }) => fault === undefined).map(({ type }) => type);
    return await work({ names: [...new Set([...names, ...ownTypes])].sort(), here });
  } finally {
    here.close();
  }
};
