/** Removes the temporary files of writers that were killed. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processTable } from './identity.ts';

/** The names that `writeAtomic` uses, with the PID of the writer. */
const unfinished = /\.(\d+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Only for folders on this machine: on another one, the PID in such a name means nothing. Files of a living writer
 * stay, and a folder that cannot be read is skipped.
 */
export const sweepUnfinished = async (...folders: readonly string[]): Promise<void> => {
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      const pid = unfinished.exec(name)?.[1];
      if (pid === undefined || (await isAlive(Number(pid)))) continue;
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
  }
};

const isAlive = async (pid: number): Promise<boolean> => (await (await processTable()).identity(pid)) !== null;
