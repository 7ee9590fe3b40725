/** Reads tar archives, compressed or not, entry by entry. The file of this folder that knows the tar package. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import type { ReadEntry } from 'tar';
import type { TreeWriter } from './tree-writer.ts';
import type { ArchiveFormat, UnpackJob } from './unpack-job.ts';

type TarFormat = Exclude<ArchiveFormat, 'zip' | 'file'>;

export const unpackTar = async (job: UnpackJob, format: TarFormat, tree: TreeWriter): Promise<void> => {
  const { Parser } = await import('tar');
  const bytes = await decompressed(job, format);
  const finished = Promise.withResolvers<void>();
  let current: ReadEntry | undefined;
  const fail = (error: unknown) => {
    finished.reject(error);
    bytes.destroy();
    // Whoever writes this entry waits for bytes that will not come.
    current?.destroy(error);
  };
  let writing = Promise.resolve();
  // Strict: whatever is odd about an archive makes it unusable, instead of leaving parts of it out.
  const parser = new Parser({ strict: true, maxDecompressionRatio: Number.POSITIVE_INFINITY });
  parser.on('error', fail);
  parser.on('end', () => finished.resolve());
  parser.on('ignoredEntry', (entry: ReadEntry) => fail(new Error(`"${entry.path}" is a ${entry.type}`)));
  parser.on('entry', (entry: ReadEntry) => {
    current = entry.on('error', () => {});
    writing = writing.then(() => write(entry, tree));
    writing.catch(fail);
  });
  const feed = async () => {
    for await (const chunk of bytes) {
      if (!parser.write(chunk as Buffer)) await Promise.race([once(parser, 'drain'), finished.promise]);
    }
    parser.end();
  };
  feed().catch(fail);
  try {
    await finished.promise;
  } finally {
    await writing;
  }
};

const write = async (entry: ReadEntry, tree: TreeWriter): Promise<void> => {
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      return tree.file(entry.path, entry.mode ?? 0o644, entry);
    case 'Directory':
    case 'GNUDumpDir':
      entry.resume();
      return tree.folder(entry.path);
    case 'SymbolicLink':
      entry.resume();
      return tree.symlink(entry.path, entry.linkpath ?? '');
    case 'Link':
      entry.resume();
      return tree.hardlink(entry.path, entry.linkpath ?? '');
    default:
      throw new Error(`"${entry.path}" is a ${entry.type}`);
  }
};

/** The bytes of the tar itself; reading ends when it is destroyed. */
const decompressed = async (job: UnpackJob, format: TarFormat): Promise<Readable> => {
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
      // The package declares the browser's stream, which is the same one.
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
