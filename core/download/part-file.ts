/** A partial download on disk, with a note of its origin, so that a later run can resume it. */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { readSmallFile } from '../boundary/small-file.ts';
import { unwritable, writeAtomic } from '../lifecycle/fs/atomic-file.ts';

/** Where the bytes came from, to request the rest of the same file. */
export interface Origin {
  url: string;
  /** Strong ETag or date for `If-Range`; null if the server sent none. */
  validator: string | null;
}

/** Callers hold a lock: only one process may have it open. */
export class PartFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #size = 0;
  #origin: Origin | null = null;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#hash = createHash('sha256');
  }

  /** Opens the part of `target`, or creates an empty one. Errors: STATE_UNWRITABLE. */
  static async open(target: string): Promise<PartFile> {
    const path = `${target}.part`;
    const part = new PartFile(path, await openOwn(path));
    try {
      for await (const chunk of part.read()) part.#count(chunk);
      part.#origin = await readOrigin(path);
      return part;
    } catch (error) {
      await part.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  get origin(): Origin | null {
    return this.#origin;
  }

  /** All bytes so far. */
  read(): AsyncIterable<Buffer> {
    return this.#file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
  }

  /** SHA-256 of all bytes so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#file.appendFile(chunk);
    this.#count(chunk);
  }

  /** Discards all bytes. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#size = 0;
  }

  async setOrigin(origin: Origin): Promise<void> {
    if (this.#origin?.url === origin.url && this.#origin.validator === origin.validator) return;
    this.#origin = origin;
    await writeAtomic(`${this.#path}.json`, JSON.stringify(origin));
  }

  /** Syncs the file to disk and moves it to `target`. */
  async complete(target: string): Promise<void> {
    await this.#file.sync();
    await rename(this.#path, target);
    await rm(`${this.#path}.json`, { force: true });
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(`${this.#path}.json`, { force: true });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }
}

/** Opens a regular file only. Anything else with its name (a link, a pipe) is removed; the target of a link stays untouched. */
const openOwn = async (path: string): Promise<FileHandle> => {
  for (let removed = false; ; removed = true) {
    const file = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ELOOP' || error.code === 'ENXIO') return null;
      throw error;
    });
    const found = await file?.stat();
    if (file && found?.isFile() && found.nlink === 1) return file;
    await file?.close();
    if (removed) throw unwritable(path, new Error('another process keeps replacing it'));
    await rm(path, { force: true });
  }
};

// O_NONBLOCK: opening a pipe must not wait for its other end.
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const readOrigin = async (path: string): Promise<Origin | null> => {
  try {
    const { url, validator } = JSON.parse(await readSmallFile(`${path}.json`)) as Partial<Origin>;
    return typeof url === 'string' ? { url, validator: typeof validator === 'string' ? validator : null } : null;
  } catch {
    // Resuming works without it where a checksum is known.
    return null;
  }
};
