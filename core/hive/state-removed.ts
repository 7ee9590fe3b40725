/**
 * Handles the removal of a running hive's state folder. The workers keep running, but no file describes them any more,
 * so the hive writes their records again for the next hive. If the next hive has already started without those records,
 * it may start the same workers; this hive then stops its own to avoid duplicates.
 */
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { tryLock } from '../lifecycle/fs/instance-lock.ts';
import type { Workers } from './workers/workers.ts';

export interface RemovedState {
  state: string;
  workers: Workers;
  logger: FastifyBaseLogger;
}

/** Ends this process with SIGKILL: an orderly shutdown would remove the socket of the next hive. */
export const handleStateRemoved = async ({ state, workers, logger }: RemovedState): Promise<void> => {
  logger.fatal(`${state} was removed: this hive exits, and another one takes over`);
  try {
    const hasSuccessor = (await tryLock(join(state, 'hive.lock')).catch(() => null)) === null;
    await (hasSuccessor ? workers.killAll() : workers.writeAll());
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
};
