/** Decompresses a tarball (gzip, xz, zstd). */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import type { ArchiveFile } from '../contract/worker-type/worker-type.ts';

export type ArchiveFormat = NonNullable<ArchiveFile['format']>;

export interface UnpackJob {
  /** Path of the archive. */
  archive: string;
  signal: AbortSignal;
  /** Bytes of the archive that were read, and in total. */
  onProgress: (done: number, total: number) => void;
}

export type TarFormat = Exclude<ArchiveFormat, 'zip' | 'file'>;

/** The tar stream; destroying it closes the archive. */
export const decompressed = async (job: UnpackJob, format: TarFormat): Promise<Readable> => {
  const source = Readable.from(counted(job), { objectMode: false });
  switch (format) {
    case 'tar':
      return source;
    case 'tar.gz':
      return pipeline(source, createGunzip(), () => {});
    case 'tar.zst':
      return pipeline(source, createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 31 } }), () => {});
    case 'tar.xz': {
      const { XzReadableStream } = (await import('xz-decompress')).default;
      // The package's types use the browser's stream, which is the same.
      const compressed = Readable.toWeb(source) as unknown as ConstructorParameters<typeof XzReadableStream>[0];
      return Readable.fromWeb(new XzReadableStream(compressed) as Parameters<typeof Readable.fromWeb>[0]);
    }
  }
};

async function* counted({ archive, signal, onProgress }: UnpackJob): AsyncGenerator<Buffer> {
  const { size } = await stat(archive);
  let done = 0;
  for await (const chunk of createReadStream(archive, { highWaterMark: 1 << 18, signal })) {
    done += (chunk as Buffer).length;
    onProgress(done, size);
    yield chunk as Buffer;
  }
}
