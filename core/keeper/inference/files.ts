/** Local files: read and written where the command runs. */
import { randomBytes } from 'node:crypto';
import { constants, openAsBlob, type Stats } from 'node:fs';
import { access, chmod, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { bodyLimit } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { readStdin, tooLarge } from './stdin.ts';

/** The queen's limit for requests, minus some room for the other fields. */
export const maxFileBytes = bodyLimit.application - 2 ** 20;

/** A file to send, streamed from disk; `-` is stdin. Errors: FILE_UNREADABLE, FILE_TOO_LARGE. */
export const fileToSend = async (path: string): Promise<File> => {
  if (path === '-') return new File([await stdinToSend()], 'stdin');
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a folder' : 'it is not a regular file');
    if (found.size === 0) throw new Error('it is empty');
    if (found.size > maxFileBytes) throw tooLarge(path, maxFileBytes);
    await (await open(path)).close();
    return new File([await openAsBlob(path)], basename(path));
  } catch (error) {
    if (error instanceof RbeeError) throw error;
    throw RbeeError.of('FILE_UNREADABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

const stdinToSend = async (): Promise<Buffer<ArrayBuffer>> => {
  const data = await readStdin(maxFileBytes);
  if (data.length > 0) return data as Buffer<ArrayBuffer>;
  throw RbeeError.of('FILE_UNREADABLE', { path: 'stdin', problem: 'it is empty' });
};

/** Checks in advance that a result can be saved. Errors: FILE_UNWRITABLE. */
export const expectWritable = async (path: string): Promise<void> => {
  try {
    if (path === '') throw new Error('it has no name');
    const there = await statIfThere(path);
    if (there?.isDirectory()) throw new Error('it is a folder');
    await access(there && !there.isFile() ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw RbeeError.of('FILE_UNWRITABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

/**
 * Replaces the file atomically, and keeps its mode. Follows links. Anything that is not a regular file, such as a pipe or
 * a device, is written directly. Errors: FILE_UNWRITABLE.
 */
export const writeOutput = async (path: string, data: string | Uint8Array): Promise<void> => {
  let partial: string | undefined;
  try {
    const there = await statIfThere(path);
    if (there && !there.isFile()) return await writeFile(path, data);
    const target = there ? await realpath(path) : path;
    partial = join(dirname(target), `.rbee-${randomBytes(6).toString('hex')}.part`);
    await writeFile(partial, data);
    if (there) await chmod(partial, there.mode & 0o777);
    await rename(partial, target);
  } catch (error) {
    if (partial !== undefined) await rm(partial, { force: true }).catch(() => {});
    throw RbeeError.of('FILE_UNWRITABLE', { path, problem: problemOf(error) }, { cause: error });
  }
};

const statIfThere = (path: string): Promise<Stats | null> =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });

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
  if (code === 'ENAMETOOLONG') return 'its name is too long';
  return message;
};
