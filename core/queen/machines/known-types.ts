/** The worker types that the queen knows without a network: those of this machine, of her hives, and rbee's own. */
import { ownTypes } from '../../config/type-names.ts';
import { WorkerTypes } from '../../plugins/worker-types.ts';
import type { Fleet } from '../fleet/fleet.ts';

export interface TypesHere {
  /** All that anything here has heard of. */
  names: readonly string[];
  /** Of this machine, with what it takes. */
  here: WorkerTypes;
}

/** Reads manifests only; plugin code runs once a type is described, and ends with `work`. */
export const withKnownTypes = async <Result>(
  { data, fleet }: { data: string; fleet: Fleet },
  work: (types: TypesHere) => Promise<Result>,
): Promise<Result> => {
  const here = new WorkerTypes(data, () => {});
  try {
    // With a damaged index, what the hives tell is still known.
    await here.refresh().catch(() => {});
    const catalog = [...here.list(), ...[...fleet.members()].flatMap(({ state }) => state?.catalog ?? [])];
    const names = catalog.filter(({ fault }) => fault === undefined).map(({ type }) => type);
    return await work({ names: [...new Set([...names, ...ownTypes])].sort(), here });
  } finally {
    here.close();
  }
};
