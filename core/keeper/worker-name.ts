/** How commands name a worker: by its id, and by its hive where two hives use the same id. */
import * as Flags from '@oclif/core/flags';
import type { WorkerName } from '../queen/client/index.ts';

export const ofHiveFlag = {
  hive: Flags.string({ char: 'H', description: 'Hive of the worker; needed when several hives have one with this id' }),
};

/** Its path in the queen's API. */
export const workerPath = ({ worker, hive }: WorkerName): string =>
  `/v1/workers/${encodeURIComponent(worker)}${hive === undefined ? '' : `?hive=${encodeURIComponent(hive)}`}`;
