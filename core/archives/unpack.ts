/** Unpacks a release archive of any kind into a fresh folder, safely and within bounds. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { unwritable } from '../lifecycle/fs/atomic-file.ts';
import { spaceError } from '../lifecycle/fs/disk-space.ts';
import { decompressed } from './decompress.ts';
import { type TreeLimits, TreeWriter, usualLimits } from './tree-writer.ts';
import { placeFile } from './unpack-file.ts';
import type { ArchiveFormat, UnpackJob } from './unpack-job.ts';
import { unpackTar } from './unpack-tar.ts';
import { unpackZip } from './unpack-zip.ts';

export interface UnpackOptions {
  /** Told by the first bytes when absent. */
  format?: ArchiveFormat;
  /** Leading folders to leave out of each name. */
  strip?: number;
  /** Name of the archive for people, and of the file for format `file`. */
  name?: string;
  limits?: TreeLimits;
  signal: AbortSignal;
  /** Bytes of the archive that were read, and of the whole. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Unpacks `archive` below `folder`, which is there already. What was written stays there on failure; the caller throws the
 * folder away. Errors: ARCHIVE_INVALID, NO_SPACE, STATE_UNWRITABLE; the signal's reason when aborted.
 */
export const unpackArchive = async (archive: string, folder: string, options: UnpackOptions): Promise<void> => {
  const { signal, limits = usualLimits, strip = 0, name = basename(archive) } = options;
  const job: UnpackJob = { archive, signal, onProgress: options.onProgress ?? (() => {}) };
  try {
    const tree = new TreeWriter(folder, { strip, limits, signal });
    const format = options.format ?? (await formatOf(archive));
    if (format === 'zip') await unpackZip(job, tree);
    else if (format === 'file') await placeFile(job, tree, name);
    else await unpackTar(await decompressed(job, format), tree);
    await tree.finish();
  } catch (error) {
    signal.throwIfAborted();
    throw await unpackError(error, name, folder);
  }
};

const signs: readonly { format: ArchiveFormat; at: number; bytes: string }[] = [
  { format: 'tar.gz', at: 0, bytes: '1f8b' },
  { format: 'tar.xz', at: 0, bytes: 'fd377a585a00' },
  { format: 'tar.zst', at: 0, bytes: '28b52ffd' },
  { format: 'zip', at: 0, bytes: '504b0304' },
  { format: 'zip', at: 0, bytes: '504b0506' },
  { format: 'tar', at: 257, bytes: '7573746172' },
];

const formatOf = async (archive: string): Promise<ArchiveFormat> => {
  const file = await open(archive, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const head = buffer.subarray(0, bytesRead);
    const sign = signs.find(({ at, bytes }) => head.subarray(at, at + bytes.length / 2).toString('hex') === bytes);
    if (sign) return sign.format;
  } finally {
    await file.close();
  }
  throw new Error('it is neither tar (gz, xz, zst) nor zip');
};

const unpackError = async (error: unknown, archive: string, folder: string): Promise<unknown> => {
  if (error instanceof RbeeError) return error;
  const full = await spaceError(folder, error);
  if (full) return full;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EIO') return unwritable(folder, error);
  return RbeeError.of('ARCHIVE_INVALID', { archive, problem: message }, { cause: error });
};
