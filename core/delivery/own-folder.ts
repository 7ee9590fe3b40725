/** A folder to make something in, beside where it goes; gone afterwards, whatever happened. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, unwritable } from '../lifecycle/fs/atomic-file.ts';

/** Milliseconds after which such a folder is taken for one that a killed process left behind. */
const abandonedMs = 24 * 3_600_000;

export const inOwnFolder = async <Result>(
  parent: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> => {
  await makeFolder(parent);
  await removeAbandoned(parent);
  const folder = join(parent, `${prefix}${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 }).catch((error) => {
    throw unwritable(folder, error);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};

const prefix = '.making-';

const removeAbandoned = async (parent: string): Promise<void> => {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(parent, name);
    const found = await stat(folder).catch(() => null);
    if (found && Date.now() - found.mtimeMs > abandonedMs) await rm(folder, { recursive: true, force: true });
  }
};
