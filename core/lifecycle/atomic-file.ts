/** Writes a private file so that a reader sees either the old content or the new, also after a power cut. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RbeeError } from '../contract/errors.ts';

/** Replaces `path` (mode 0600 unless told). The folder is made when it is not there. Throws STATE_UNWRITABLE. */
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

/** The catalogue's error for a file or folder that could not be written. */
export const unwritable = (path: string, error: unknown): RbeeError =>
  RbeeError.of(
    'STATE_UNWRITABLE',
    { path, problem: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );

const writeDurably = async (path: string, data: string | Uint8Array, mode: number): Promise<void> => {
  const file = await openInFolder(path, mode);
  try {
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
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await open(path, 'wx', mode);
  }
};
