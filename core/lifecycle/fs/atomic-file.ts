/** Writes a private file so that a reader sees either the old content or the new, even after a power failure. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';

/** Replaces `path` (mode 0600 by default). Creates its folder if needed. Throws STATE_UNWRITABLE. */
export const writeAtomic = async (path: string, data: string | Uint8Array, mode = 0o600): Promise<void> => {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeDurably(temporary, data, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
};

/** Creates a private folder and its missing parents. Throws STATE_UNWRITABLE. */
export const makeFolder = async (folder: string): Promise<void> => {
  try {
    await makeAll(folder);
  } catch (error) {
    throw unwritable(folder, error);
  }
};

/** STATE_UNWRITABLE for a file or folder that could not be written. */
export const unwritable = (path: string, error: unknown): RbeeError =>
  RbeeError.of(
    'STATE_UNWRITABLE',
    { path, problem: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );

/** One by one: Node's recursive mkdir loops forever where the system keeps answering ENOENT, as below /proc. */
const makeAll = async (folder: string): Promise<void> => {
  const missing: string[] = [];
  let there = await statIfThere(folder);
  for (let at = folder; there === null && dirname(at) !== at; there = await statIfThere(at)) {
    missing.unshift(at);
    at = dirname(at);
  }
  for (const path of missing) {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      // Another process created it first.
      if (error.code !== 'EEXIST') throw error;
    });
  }
  if (missing.length > 0) there = await stat(folder);
  if (!there?.isDirectory()) throw new Error('it is a file, not a folder');
};

const statIfThere = (path: string): Promise<Stats | null> =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });

const writeDurably = async (path: string, data: string | Uint8Array, mode: number): Promise<void> => {
  const file = await openInFolder(path, mode);
  try {
    // The umask may have removed some of these permissions.
    if (mode & 0o077) await file.chmod(mode);
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
};

const openInFolder = async (path: string, mode: number) => {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeAll(dirname(path));
    return await open(path, 'wx', mode);
  }
};
