/**
 * Somebody removed the state folder of a living hive. Its workers live on, and nothing on disk tells of them: it writes
 * that down again for the hive that comes next. Where that one is there already, it has taken the workers for gone: then
 * they end, lest there be two of each.
 */
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { tryLock } from '../lifecycle/fs/instance-lock.ts';
import type { Workers } from './workers/workers.ts';

export interface Dispossessed {
  state: string;
  workers: Workers;
  logger: FastifyBaseLogger;
}

/** Ends this process, as suddenly as `kill -9`: closed in an orderly way, it would take the socket of the next one along. */
export const leaveState = async ({ state, workers, logger }: Dispossessed): Promise<void> => {
  logger.fatal(`${state} was removed: this hive ends, and another one goes on`);
  try {
    const isNext = (await tryLock(join(state, 'hive.lock')).catch(() => null)) === null;
    await (isNext ? workers.killAll() : workers.writeAll());
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
};
