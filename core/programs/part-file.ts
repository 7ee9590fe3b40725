/** The part of a download that is already here: kept on disk with where it came from, so that any later run goes on. */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { readSmallFile } from '../boundary/small-file.ts';
import { unwritable, writeAtomic } from '../lifecycle/fs/atomic-file.ts';

/** What a server said of the file, for asking it for the rest of the same one. */
export interface Origin {
  url: string;
  /** Strong ETag or date, as `If-Range` takes it; null when the server gave none. */
  validator: string | null;
}

/** One process at a time has it open; the cache's lock sees to that. */
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

  /** Opens the part of `target`, empty when there is none. Errors: STATE_UNWRITABLE. */
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

  /** What is here, from its beginning. */
  read(): AsyncIterable<Buffer> {
    return this.#file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
  }

  /** SHA-256 of what is here. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#file.appendFile(chunk);
    this.#count(chunk);
  }

  /** Forgets what is here: other bytes are coming. */
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

  /** Makes it the whole file, on disk to stay. */
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

/**
 * Bytes from outside are written into a plain file of this name and nowhere else: what lies there instead (a link to
 * another file, a pipe) is removed, and is left as it is where it leads to.
 */
const openOwn = async (path: string): Promise<FileHandle> => {
  for (let removed = false; ; removed = true) {
    const file = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ELOOP' || error.code === 'ENXIO') return null;
      throw error;
    });
    const found = await file?.stat();
    if (file && found?.isFile() && found.nlink === 1) return file;
    await file?.close();
    if (removed) throw unwritable(path, new Error('something else is put there again and again'));
    await rm(path, { force: true });
  }
};

// A pipe is not waited for.
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const readOrigin = async (path: string): Promise<Origin | null> => {
  try {
    const { url, validator } = JSON.parse(await readSmallFile(`${path}.json`)) as Partial<Origin>;
    return typeof url === 'string' ? { url, validator: typeof validator === 'string' ? validator : null } : null;
  } catch {
    // Without it the rest is asked for all the same; the checksum decides in the end.
    return null;
  }
};
