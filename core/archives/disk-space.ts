/** Room on disk, asked before bytes are written, and the error when there is none. */
import { statfs } from 'node:fs/promises';
import { RbeeError } from '../contract/errors.ts';
import { formatBytes } from '../narration/quantities.ts';

/** Bytes that are left to the rest of the system. */
const reserve = 64 * 1024 * 1024;

/** Errors: NO_SPACE when `bytes` more do not fit on the disk of `folder`. */
export const ensureSpace = async (folder: string, bytes: number): Promise<void> => {
  const free = await freeBytes(folder);
  if (free !== null && bytes + reserve > free) throw noSpace(folder, bytes + reserve, free);
};

/** A failed write as NO_SPACE where that was the reason; undefined otherwise. */
export const spaceError = async (folder: string, error: unknown): Promise<RbeeError | undefined> => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return noSpace(folder, reserve, (await freeBytes(folder)) ?? 0, error);
};

const noSpace = (path: string, needed: number, free: number, cause?: unknown): RbeeError =>
  RbeeError.of('NO_SPACE', { path, needed: formatBytes(needed), free: formatBytes(free) }, { cause });

/** Null where the system does not tell. */
const freeBytes = async (folder: string): Promise<number | null> => {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
};
