/** The log of a worker, even if its start failed and no hive lists it. */
import type { Readable } from 'node:stream';
import { RbeeError } from '../../contract/errors.ts';
import type { LogOptions } from '../../hive/client.ts';
import type { Fleet } from './fleet.ts';
import type { WorkerName } from './worker-key.ts';

/** Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_NOT_FOUND, HIVE_UNREACHABLE. */
export const workerLog = async (fleet: Fleet, name: WorkerName, options: LogOptions): Promise<Readable> => {
  let unknown: RbeeError;
  try {
    const { alias } = fleet.owner(name).connection;
    return await fleet.online(alias).connection.client.logs(name.worker, options);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    unknown = error;
  }
  for (const member of fleet.members()) {
    const { alias, client } = member.connection;
    if (member.status !== 'online' || (name.hive !== undefined && name.hive !== alias)) continue;
    try {
      return await client.logs(name.worker, options);
    } catch (error) {
      // Other hives may still have the log.
      options.signal?.throwIfAborted();
      if (!(error instanceof RbeeError)) throw error;
    }
  }
  throw unknown;
};

const isUnknown = (error: unknown): error is RbeeError =>
  error instanceof RbeeError && error.code === 'WORKER_NOT_FOUND';
