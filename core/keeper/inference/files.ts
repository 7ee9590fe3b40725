/** Files of the person at the keyboard: read and written where the command was typed. */
import { constants, openAsBlob } from 'node:fs';
import { access, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { RbeeError } from '../../contract/errors.ts';

/** A file to send, read from disk as it is sent; `-` is stdin. Errors: FILE_UNREADABLE. */
export const fileToSend = async (path: string): Promise<File> => {
  if (path === '-') return new File([await buffer(process.stdin)], 'stdin');
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no ordinary file');
    if (found.size === 0) throw new Error('it is empty');
    await (await open(path)).close();
    return new File([await openAsBlob(path)], basename(path));
  } catch (error) {
    throw RbeeError.of('FILE_UNREADABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

/** Says before the work, not after it, that its result could not be kept. Errors: FILE_UNWRITABLE. */
export const expectWritable = async (path: string): Promise<void> => {
  try {
    await access(dirname(path), constants.W_OK);
    if ((await stat(path).catch(() => null))?.isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw RbeeError.of('FILE_UNWRITABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

/** Replaces the file at once, or leaves it as it is. Errors: FILE_UNWRITABLE. */
export const writeOutput = async (path: string, data: string | Uint8Array): Promise<void> => {
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    await writeFile(partial, data);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw RbeeError.of('FILE_UNWRITABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

/** `a.png`, or `a-2.png` for the second of several. */
export const numbered = (path: string, index: number, count: number): string => {
  if (count === 1) return path;
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}-${index + 1}${ending}`;
};

const problemOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'EACCES') return 'permission denied';
  return message;
};
