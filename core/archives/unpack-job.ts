/** What the readers of each kind of archive get. */
import type { ArchiveFile } from '../contract/worker-type.ts';

export type ArchiveFormat = NonNullable<ArchiveFile['format']>;

export interface UnpackJob {
  /** Path of the archive. */
  archive: string;
  signal: AbortSignal;
  /** Bytes of the archive that were read, and of the whole. */
  onProgress: (done: number, total: number) => void;
}
