/** Reads a small file that only its owner can read, such as one with a key. */
import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { RbeeError } from '../contract/errors.ts';

const maxBytes = 16 * 1024;

/** Null if it does not exist. Throws FILE_NOT_PRIVATE, FILE_UNREADABLE. */
export const readPrivate = async (path: string): Promise<string | null> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw RbeeError.of('FILE_UNREADABLE', { path, problem: error.message }, { cause: error });
  });
  if (file === null) return null;
  try {
    // The file that is checked is the one that is read.
    const problem = openness(await file.stat());
    if (problem !== undefined) throw RbeeError.of('FILE_NOT_PRIVATE', { path, problem, fix: `chmod 600 ${path}` });
    const buffer = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(buffer, 0, maxBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
};

const openness = (stats: Stats): string | undefined => {
  if (!stats.isFile()) return 'it is not a file';
  const me = process.getuid?.();
  if (me !== undefined && stats.uid !== me) return `it belongs to another user (uid ${stats.uid})`;
  const mode = stats.mode & 0o7777;
  return mode & 0o077 ? `other users may read or write it (mode 0${mode.toString(8)})` : undefined;
};
