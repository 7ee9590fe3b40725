/** Unpacks a release archive of any format into a new folder, within limits. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { unwritable } from '../lifecycle/fs/atomic-file.ts';
import { spaceError } from '../lifecycle/fs/disk-space.ts';
import { type ArchiveFormat, decompressed, type UnpackJob } from './decompress.ts';
import { defaultLimits, type EntryLimits } from './entry-rules.ts';
import { TreeWriter } from './tree-writer.ts';
import { unpackTar } from './unpack-tar.ts';
import { unpackZip } from './unpack-zip.ts';

export interface UnpackOptions {
  /** Detected from the first bytes if absent. */
  format?: ArchiveFormat;
  /** Leading folders to remove from each name. */
  strip?: number;
  /** Name of the archive in errors, and of the file for format `file`. */
  name?: string;
  limits?: EntryLimits;
  signal: AbortSignal;
  /** Bytes of the archive that were read, and in total. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Unpacks `archive` into `folder`, which must exist. After a failure the caller removes the folder. Errors: ARCHIVE_INVALID, NO_SPACE, STATE_UNWRITABLE; the signal's reason when aborted.
 */
export const unpackArchive = async (archive: string, folder: string, options: UnpackOptions): Promise<void> => {
  const { signal, limits = defaultLimits, strip = 0, name = basename(archive) } = options;
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

/** The download is the program itself, not an archive. */
const placeFile = async ({ archive, signal, onProgress }: UnpackJob, tree: TreeWriter, name: string): Promise<void> => {
  const { size } = await stat(archive);
  await tree.file({ name, mode: 0o755, size }, createReadStream(archive, { signal }));
  onProgress(size, size);
};

const signatures: readonly { format: ArchiveFormat; at: number; bytes: string }[] = [
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
    const signature = signatures.find(
      ({ at, bytes }) => head.subarray(at, at + bytes.length / 2).toString('hex') === bytes,
    );
    if (signature) return signature.format;
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
