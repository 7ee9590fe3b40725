/** The fleet as the gateway sees it. */
import type { WorkerFleet } from '../../gateway/fleet.ts';
import type { Fleet } from './fleet.ts';
import { type WorkerName, workerKey, workerName } from './worker-key.ts';

/** `wake` makes a sleeping worker ready and updates the fleet. */
export const workerFleet = (fleet: Fleet, wake: (name: WorkerName) => Promise<unknown>): WorkerFleet => ({
  workers: () => fleet.dialable(),
  servablePaths: () => fleet.catalog().flatMap(({ serves }) => serves),
  isGathering: () => fleet.isGathering,
  wake: (key) => wake(workerName(key)),
  watch: ({ changed, silent }) =>
    fleet.listen({
      changed,
      silent: ({ connection, workers }) => {
        for (const id of workers.keys()) silent(workerKey(connection.alias, id));
      },
    }),
});
