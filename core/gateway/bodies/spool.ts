/** Request bodies on disk. Their files are unlinked at once, so they disappear with the process. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { RbeeError } from '../../contract/errors.ts';
import { ensureSpace, spaceError } from '../../lifecycle/fs/disk-space.ts';

/** Disk space is reserved as bytes arrive, in steps: as much as has been written already, within these limits. */
const minStepBytes = 256 * 1024;
const maxStepBytes = 64 * 1024 * 1024;
const readBytes = 256 * 1024;

/** Throws NO_SPACE if the disk of the folder has no room for `bytes` more. */
type EnsureSpace = (folder: string, bytes: number) => Promise<void>;

export class Spool {
  readonly #folder: string;
  readonly #ensureSpace: EnsureSpace;
  /** Bytes reserved but not written yet. */
  #reserved = 0;
  /** Bodies still arriving. */
  readonly #arriving = new Set<SpoolFile>();

  constructor(folder: string, ensure: EnsureSpace = ensureSpace) {
    this.#folder = folder;
    this.#ensureSpace = ensure;
  }

  /** Checks that there is room for a body of the announced size; reserves nothing. Throws NO_SPACE, STATE_UNWRITABLE. */
  async expect(bytes: number): Promise<void> {
    await this.#makeFolder();
    await this.#ensureSpace(this.#folder, bytes);
  }

  /** An empty file for a body. Throws STATE_UNWRITABLE, NO_SPACE. */
  async create(): Promise<SpoolFile> {
    await this.#makeFolder();
    const path = join(this.#folder, randomUUID());
    let file: FileHandle;
    try {
      file = await open(path, 'wx+', 0o600);
      await unlink(path);
    } catch (error) {
      await rm(path, { force: true }).catch(() => {});
      throw await this.#unwritable(error);
    }
    const spooled = new SpoolFile(file, {
      reserve: (bytes) => this.#reserve(spooled, bytes),
      settle: (bytes) => {
        this.#reserved -= bytes;
      },
      arrived: () => this.#arriving.delete(spooled),
      unwritable: (error) => this.#unwritable(error),
    });
    this.#arriving.add(spooled);
    return spooled;
  }

  /** Removes what a killed process has left behind. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #makeFolder(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw await this.#unwritable(error);
    }
  }

  /** On a full disk, the slowest sender that uses more than its share loses its body first. */
  async #reserve(asking: SpoolFile, bytes: number): Promise<void> {
    for (;;) {
      this.#reserved += bytes;
      try {
        await this.#ensureSpace(this.#folder, this.#reserved);
        return;
      } catch (error) {
        this.#reserved -= bytes;
        const evicted = bodyToEvict([...this.#arriving], asking);
        if (evicted === asking) throw error;
        const freed = evicted.length;
        await evicted.evict(error);
        if (freed < bytes) continue;
        // Some file systems free blocks with a delay. Enough was freed, so do not evict another body by asking again.
        this.#reserved += bytes;
        return;
      }
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

/** A body that is arriving. */
export interface Arriving {
  /** Bytes on disk. */
  readonly length: number;
  /** When it began to arrive, in milliseconds of `performance.now()`. */
  readonly begunAt: number;
}

/**
 * Which body to drop when the disk is full: the slowest of those that use more than an equal share, otherwise the one that
 * needs more space. Clients on loopback all have the same address, so each connection, with its one body, counts as a client.
 */
export const bodyToEvict = <Body extends Arriving>(
  bodies: readonly Body[],
  asking: Body,
  now = performance.now(),
): Body => {
  const share = bodies.reduce((sum, { length }) => sum + length, 0) / bodies.length;
  const speedOf = ({ length, begunAt }: Body) => length / Math.max(1, now - begunAt);
  const over = bodies.filter(({ length }) => length > share);
  return over.reduce((slowest, body) => (speedOf(body) < speedOf(slowest) ? body : slowest), over[0] ?? asking);
};

interface Disk {
  reserve(bytes: number): Promise<void>;
  /** `bytes` of the reservation have been written or are no longer needed. */
  settle(bytes: number): void;
  arrived(): void;
  unwritable(error: unknown): Promise<RbeeError>;
}

export class SpoolFile implements Arriving {
  readonly begunAt = performance.now();
  readonly #file: FileHandle;
  readonly #disk: Disk;
  /** Bytes reserved but not written yet. */
  #left = 0;
  #length = 0;
  /** Why the body was dropped. */
  #evicted: unknown;

  constructor(file: FileHandle, disk: Disk) {
    this.#file = file;
    this.#disk = disk;
  }

  get length(): number {
    return this.#length;
  }

  /** Await it before the next one. Throws NO_SPACE, STATE_UNWRITABLE. */
  async write(piece: Buffer): Promise<void> {
    this.#throwIfEvicted();
    if (piece.length > this.#left) {
      const step = Math.max(piece.length, minStepBytes, Math.min(this.#length, maxStepBytes));
      await this.#disk.reserve(step);
      this.#left += step;
    }
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
    this.#disk.settle(piece.length);
    this.#throwIfEvicted();
  }

  /** The body is complete and can no longer be dropped. Throws NO_SPACE if it was dropped before. */
  complete(): void {
    this.#throwIfEvicted();
    this.#disk.arrived();
    this.#settleRest();
  }

  /** Drops the body to make room for another; its next write throws `reason`. */
  async evict(reason: unknown): Promise<void> {
    this.#evicted = reason;
    this.#disk.arrived();
    this.#settleRest();
    await this.#file.truncate(0).catch(() => {});
  }

  /** Not a stream of Node's own, which would close the file when it is destroyed early. */
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
    this.#disk.arrived();
    this.#settleRest();
    await this.#file.close().catch(() => {});
  }

  #settleRest(): void {
    this.#disk.settle(this.#left);
    this.#left = 0;
  }

  #throwIfEvicted(): void {
    if (this.#evicted !== undefined) throw this.#evicted;
  }
}
