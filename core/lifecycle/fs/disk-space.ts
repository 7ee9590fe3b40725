/** Checks for disk space before bytes are written, and the error for when there is not enough. */
import { statfs } from 'node:fs/promises';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes } from '../../narration/quantities.ts';

/** Bytes left free for the rest of the system. */
const reserve = 64 * 1024 * 1024;

/** Errors: NO_SPACE if `bytes` more do not fit on the disk of `folder`. */
export const ensureSpace = async (folder: string, bytes: number): Promise<void> => {
  const free = await freeBytes(folder);
  if (free !== null && bytes + reserve > free) throw noSpace(folder, bytes + reserve, free);
};

/** For data of unknown size, which may never end: leaves more space free than `ensureSpace`. Errors: NO_SPACE. */
export const ensureHeadroom = async (folder: string): Promise<void> => {
  const { free, all } = await spaceOf(folder);
  const min = Math.max(reserve, Math.min(2 ** 30, all / 20));
  if (free !== null && free < min) throw noSpace(folder, min, free);
};

/** NO_SPACE for a write that failed because of a full disk; undefined for any other error. */
export const spaceError = async (folder: string, error: unknown): Promise<RbeeError | undefined> => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return noSpace(folder, reserve, (await freeBytes(folder)) ?? 0, error);
};

const noSpace = (path: string, needed: number, free: number, cause?: unknown): RbeeError =>
  RbeeError.of('NO_SPACE', { path, needed: formatBytes(needed), free: formatBytes(free) }, { cause });

const freeBytes = async (folder: string): Promise<number | null> => (await spaceOf(folder)).free;

/** `free` is null if the system does not report it. */
const spaceOf = async (folder: string): Promise<{ free: number | null; all: number }> => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, all: blocks * bsize };
  } catch {
    return { free: null, all: 0 };
  }
};
