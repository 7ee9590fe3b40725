/** Bodies on disk while their request lasts. Their files have no name, so they are gone when the process is. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ensureSpace, spaceError } from '../../archives/disk-space.ts';
import { RbeeError } from '../../contract/errors.ts';

/** Disk space is reserved as bytes arrive, in steps: as much again as is there already, within these bounds. */
const minStepBytes = 256 * 1024;
const maxStepBytes = 64 * 1024 * 1024;
const readBytes = 256 * 1024;

/** Throws NO_SPACE when the disk of the folder has no room for so many bytes more. */
type EnsureSpace = (folder: string, bytes: number) => Promise<void>;

export class Spool {
  readonly #folder: string;
  readonly #ensureSpace: EnsureSpace;
  /** Bytes that are reserved and not written yet. */
  #reserved = 0;
  /** Bodies that are still arriving. */
  readonly #arriving = new Set<SpoolFile>();

  constructor(folder: string, ensure: EnsureSpace = ensureSpace) {
    this.#folder = folder;
    this.#ensureSpace = ensure;
  }

  /** Is there room for a body that announces so many bytes? Reserves nothing. Throws NO_SPACE, STATE_UNWRITABLE. */
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

  /** Removes what a killed queen has left. */
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

  /** Where the disk is full, slow senders that hold more than their share make room first. */
  async #reserve(asking: SpoolFile, bytes: number): Promise<void> {
    for (;;) {
      this.#reserved += bytes;
      try {
        await this.#ensureSpace(this.#folder, this.#reserved);
        return;
      } catch (error) {
        this.#reserved -= bytes;
        const loser = loserOf([...this.#arriving], asking);
        if (loser === asking) throw error;
        const freed = loser.length;
        await loser.giveUp(error);
        if (freed < bytes) continue;
        // Some file systems free blocks later than they say: what was freed is enough, and no other body has to go.
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

/** What is known of a body that is arriving. */
export interface Arriving {
  /** Bytes on disk. */
  readonly length: number;
  /** When its first byte came, in milliseconds. */
  readonly begunAt: number;
}

/**
 * Whose body has to go when the disk is full: the slowest of those that hold more than an equal share, else the one that
 * asks for more. All clients have the same address on loopback, so a connection counts as a client: it has one body at a
 * time.
 */
export const loserOf = <Body extends Arriving>(
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
  /** So many of the reserved bytes are written, or not needed any more. */
  settle(bytes: number): void;
  arrived(): void;
  unwritable(error: unknown): Promise<RbeeError>;
}

export class SpoolFile implements Arriving {
  readonly begunAt = performance.now();
  readonly #file: FileHandle;
  readonly #disk: Disk;
  /** Reserved bytes that are not written yet. */
  #left = 0;
  #length = 0;
  #lost: unknown;

  constructor(file: FileHandle, disk: Disk) {
    this.#file = file;
    this.#disk = disk;
  }

  get length(): number {
    return this.#length;
  }

  /** One at a time. Throws NO_SPACE, STATE_UNWRITABLE. */
  async write(piece: Buffer): Promise<void> {
    this.#mustBeKept();
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
    this.#mustBeKept();
  }

  /** All of it has arrived: from now on it keeps its place. Throws NO_SPACE when it has lost it before. */
  complete(): void {
    this.#mustBeKept();
    this.#disk.arrived();
    this.#settleRest();
  }

  /** Frees its place for another body; its own next write throws `reason`. */
  async giveUp(reason: unknown): Promise<void> {
    this.#lost = reason;
    this.#disk.arrived();
    this.#settleRest();
    await this.#file.truncate(0).catch(() => {});
  }

  /** A stream of Node's own would close the file when it is abandoned in the middle. */
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

  #mustBeKept(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }
}
