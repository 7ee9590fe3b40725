/** Reads a growing log, across rotation by copy-and-truncate, and signals when there is more. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** Where rotation saves the cut part: `file.1` is the newest. */
export const rotated = (file: string, number: number): string => `${file}.${number}`;

/** A position in a log. Each `read` returns what follows. */
export class LogReader {
  readonly #file: string;
  #offset: number;
  /** Inode of `file.1` when last checked; a different one means a rotation since. */
  #copy: number | null | undefined;

  constructor(file: string, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  /**
   * The next bytes, at most `maxBytes`; null when there are none yet. With `backlog`, a reader that is further behind
   * than that many bytes skips ahead. Lines that a flood rotates away between two reads may be missed.
   */
  async read(maxBytes = 256 * 1024, backlog = Number.POSITIVE_INFINITY): Promise<Buffer | null> {
    if (this.#copy === undefined) this.#copy = await inode(rotated(this.#file, 1));
    const handle = await openIfThere(this.#file);
    if (handle === null) return null;
    try {
      const { size } = await handle.stat();
      if (size < this.#offset) {
        const rest = await this.#restOfCopy(maxBytes);
        if (rest !== null) return rest;
      }
      if (size - this.#offset > backlog) this.#offset = size - maxBytes;
      const bytes = await readAt(handle, this.#offset, Math.min(maxBytes, size - this.#offset));
      this.#offset += bytes?.length ?? 0;
      return bytes;
    } finally {
      await handle.close();
    }
  }

  /** After a truncation: the unread part of the rotated copy, then the file from its start. */
  async #restOfCopy(maxBytes: number): Promise<Buffer | null> {
    const copy = rotated(this.#file, 1);
    const there = await inode(copy);
    if (there !== null && there !== this.#copy) {
      const handle = await openIfThere(copy);
      const rest = handle && (await readAt(handle, this.#offset, maxBytes).finally(() => handle.close()));
      if (rest) {
        this.#offset += rest.length;
        return rest;
      }
    }
    this.#copy = there;
    this.#offset = 0;
    return null;
  }
}

/**
 * Calls `wake` when the file may have grown: on file events, and every `pollMs` where these are missing (network
 * folders, no watches left). Returns a function that stops it. Does not keep the process alive.
 */
export const watchFile = (file: string, wake: () => void, pollMs = 250): (() => void) => {
  let watcher: FSWatcher | undefined;
  const begin = () => {
    try {
      watcher = watch(file, { persistent: false }, wake);
      watcher.once('error', () => watcher?.close());
    } catch {
      // The file does not exist yet, or the system has no watches left: polling still works.
    }
  };
  begin();
  const timer = setInterval(() => {
    if (watcher === undefined) begin();
    wake();
  }, pollMs).unref();
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
};

const openIfThere = async (file: string): Promise<FileHandle | null> => {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

const inode = (file: string): Promise<number | null> =>
  stat(file).then(
    ({ ino }) => ino,
    () => null,
  );

const readAt = async (handle: FileHandle, offset: number, length: number): Promise<Buffer | null> => {
  if (length <= 0) return null;
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
  return bytesRead > 0 ? buffer.subarray(0, bytesRead) : null;
};
