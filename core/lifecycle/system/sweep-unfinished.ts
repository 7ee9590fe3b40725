/** Removes what writers that were killed have left of files that they were replacing. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processTable } from './identity.ts';

/** As `writeAtomic` names them, with the PID of the writer. */
const unfinished = /\.(\d+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Only for folders of this machine: the PID in such a name says nothing on another one. Files that someone still writes
 * stay, and a folder that cannot be read is left as it is.
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
