/** Bodies on disk, for as long as their request lasts. Their files have no name: they are gone with whoever has them open. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ensureSpace, spaceError } from '../../archives/disk-space.ts';
import { RbeeError } from '../../contract/errors.ts';

/** Asked of the disk ahead, where a body does not say how long it is. */
const stepBytes = 64 * 1024 * 1024;
const readBytes = 256 * 1024;

export class Spool {
  readonly #folder: string;
  /** Bytes that bodies under way have been promised and not written yet. */
  #promised = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Room for a body, of `bytes` if it says so. Throws NO_SPACE, STATE_UNWRITABLE. */
  async create(bytes: number | undefined): Promise<SpoolFile> {
    const folder = this.#folder;
    const path = join(folder, randomUUID());
    let file: FileHandle;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      file = await open(path, 'wx+', 0o600);
      await unlink(path);
    } catch (error) {
      await rm(path, { force: true }).catch(() => {});
      throw await this.#unwritable(error);
    }
    const spooled = new SpoolFile(file, {
      promise: (more) => this.#promise(more),
      keep: (written) => {
        this.#promised -= written;
      },
      unwritable: (error) => this.#unwritable(error),
    });
    try {
      await spooled.reserve(bytes ?? stepBytes);
    } catch (error) {
      await spooled.remove();
      throw error;
    }
    return spooled;
  }

  /** Removes what a queen has left that was killed at the wrong moment. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #promise(bytes: number): Promise<void> {
    this.#promised += bytes;
    try {
      await ensureSpace(this.#folder, this.#promised);
    } catch (error) {
      this.#promised -= bytes;
      throw error;
    }
  }

  async #unwritable(error: unknown): Promise<RbeeError> {
    const problem = error instanceof Error ? error.message : String(error);
    return (
      (await spaceError(this.#folder, error)) ??
      RbeeError.of('STATE_UNWRITABLE', { path: this.#folder, problem }, { cause: error })
    );
  }
}

interface Disk {
  promise(bytes: number): Promise<void>;
  /** So much of what was promised is written, or not needed any more. */
  keep(bytes: number): void;
  unwritable(error: unknown): Promise<RbeeError>;
}

export class SpoolFile {
  readonly #file: FileHandle;
  readonly #disk: Disk;
  #left = 0;
  #length = 0;

  constructor(file: FileHandle, disk: Disk) {
    this.#file = file;
    this.#disk = disk;
  }

  get length(): number {
    return this.#length;
  }

  /** Throws NO_SPACE. */
  async reserve(bytes: number): Promise<void> {
    await this.#disk.promise(bytes);
    this.#left += bytes;
  }

  /** One at a time. Throws NO_SPACE, STATE_UNWRITABLE. */
  async write(piece: Buffer): Promise<void> {
    if (piece.length > this.#left) await this.reserve(Math.max(piece.length, stepBytes));
    try {
      for (let at = 0; at < piece.length; ) {
        const { bytesWritten } = await this.#file.write(piece, at, piece.length - at, this.#length + at);
        at += bytesWritten;
      }
    } catch (error) {
      throw await this.#disk.unwritable(error);
    }
    this.#length += piece.length;
    this.#left -= piece.length;
    this.#disk.keep(piece.length);
  }

  /** A stream of Node's own would close the file when it is given up in the middle. */
  read(): Readable {
    const file = this.#file;
    let at = 0;
    return new Readable({
      highWaterMark: readBytes,
      read(size) {
        file.read(Buffer.allocUnsafeSlow(size), 0, size, at).then(
          ({ bytesRead, buffer }) => {
            at += bytesRead;
            this.push(bytesRead === 0 ? null : buffer.subarray(0, bytesRead));
          },
          (error) => this.destroy(error),
        );
      },
    });
  }

  async remove(): Promise<void> {
    this.#disk.keep(this.#left);
    this.#left = 0;
    await this.#file.close().catch(() => {});
  }
}
