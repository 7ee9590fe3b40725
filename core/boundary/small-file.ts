/**
 * Reads files written by users, plugins or other programs. Such a file may be huge, an endless device, or a pipe
 * without a writer, so only regular files of limited size are read.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

export interface SmallFileOptions {
  /** Default: 1 MiB. */
  maxBytes?: number;
  /** Called with the open file before it is read; may throw. */
  onOpen?: (stats: Stats, fd: number) => void;
}

/** Throws the system's errors, ENOTREG and EFBIG. */
export const readSmallFile = async (path: string, options: SmallFileOptions = {}): Promise<string> =>
  (await readSmallBytes(path, options)).toString('utf8');

export const readSmallBytes = async (
  path: string,
  { maxBytes = mebibyte, onOpen }: SmallFileOptions = {},
): Promise<Buffer> => {
  const file = await open(path, flags);
  try {
    const stats = await file.stat();
    onOpen?.(stats, file.fd);
    const buffer = bufferFor(path, stats, maxBytes);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (isWhole(path, bytesRead, length, buffer, maxBytes)) return buffer.subarray(0, length);
    }
  } finally {
    await file.close();
  }
};

export const readSmallFileSync = (path: string, { maxBytes = mebibyte, onOpen }: SmallFileOptions = {}): string => {
  const fd = openSync(path, flags);
  try {
    const stats = fstatSync(fd);
    onOpen?.(stats, fd);
    const buffer = bufferFor(path, stats, maxBytes);
    let length = 0;
    for (;;) {
      const bytesRead = readSync(fd, buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (isWhole(path, bytesRead, length, buffer, maxBytes)) return buffer.toString('utf8', 0, length);
    }
  } finally {
    closeSync(fd);
  }
};

const mebibyte = 2 ** 20;

/** Without NONBLOCK, opening a pipe waits for a writer. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** A buffer with room for lines that are appended during the read. If the read fills it, the file has grown even more. */
const bufferFor = (path: string, stats: Stats, maxBytes: number): Buffer => {
  if (stats.isDirectory()) throw refusal('EISDIR', path, 'it is a folder, not a file');
  if (!stats.isFile()) throw refusal('ENOTREG', path, 'it is not a regular file');
  if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
  return Buffer.allocUnsafe(Math.min(stats.size + 4_096, maxBytes + 1));
};

const isWhole = (path: string, bytesRead: number, length: number, { length: room }: Buffer, maxBytes: number) => {
  if (length > maxBytes) throw tooLarge(path, maxBytes);
  if (length === room) throw refusal('EBUSY', path, 'it was changed while it was read');
  return bytesRead === 0;
};

const tooLarge = (path: string, maxBytes: number): Error =>
  refusal(
    'EFBIG',
    path,
    `it is larger than ${maxBytes >= mebibyte ? `${maxBytes / mebibyte} MiB` : `${maxBytes} bytes`}`,
  );

const refusal = (code: string, path: string, message: string): Error =>
  Object.assign(new Error(message), { code, path });
