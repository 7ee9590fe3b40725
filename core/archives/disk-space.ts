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

/**
 * For bytes that come without anyone saying how many: more is left to the rest of the system, for the end may be a mistake.
 * Errors: NO_SPACE.
 */
export const ensureHeadroom = async (folder: string): Promise<void> => {
  const { free, all } = await spaceOf(folder);
  const least = Math.max(reserve, Math.min(2 ** 30, all / 20));
  if (free !== null && free < least) throw noSpace(folder, least, free);
};

/** A failed write as NO_SPACE where that was the reason; undefined otherwise. */
export const spaceError = async (folder: string, error: unknown): Promise<RbeeError | undefined> => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return noSpace(folder, reserve, (await freeBytes(folder)) ?? 0, error);
};

const noSpace = (path: string, needed: number, free: number, cause?: unknown): RbeeError =>
  RbeeError.of('NO_SPACE', { path, needed: formatBytes(needed), free: formatBytes(free) }, { cause });

const freeBytes = async (folder: string): Promise<number | null> => (await spaceOf(folder)).free;

/** `free` is null where the system does not tell. */
const spaceOf = async (folder: string): Promise<{ free: number | null; all: number }> => {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, all: blocks * bsize };
  } catch {
    return { free: null, all: 0 };
  }
};
