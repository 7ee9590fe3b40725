/** How commands name a worker: by its id, plus its hive if several hives use the same id. */
import * as Flags from '@oclif/core/flags';
import type { WorkerName } from '../queen/client/index.ts';

export const ofHiveFlag = {
  hive: Flags.string({
    char: 'H',
    description: 'Hive of the worker; needed if several hives have a worker with this id',
    helpValue: '<alias>',
  }),
};

/** Its path in the queen's API. */
export const workerPath = ({ worker, hive }: WorkerName): string =>
  `/v1/workers/${encodeURIComponent(worker)}${hive === undefined ? '' : `?hive=${encodeURIComponent(hive)}`}`;
