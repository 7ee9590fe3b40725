/** Reads tar archives entry by entry. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ReadEntry } from 'tar';
import { EntryRefused } from './entry-rules.ts';
import type { EntrySink } from './tree-writer.ts';

export interface UnpackTarOptions {
  /** Bytes of the tar stream, headers included: archives can be large without containing any file. */
  maxStreamBytes?: number;
  /** Do not read the padding after the end of the archive, which may be endless. */
  stopAtEnd?: boolean;
}

/** `bytes`: the decompressed tar stream; it is read to its end or destroyed. */
export const unpackTar = async (
  bytes: Readable,
  sink: EntrySink,
  { maxStreamBytes = Number.POSITIVE_INFINITY, stopAtEnd = false }: UnpackTarOptions = {},
): Promise<void> => {
  const { Parser } = await import('tar');
  const finished = Promise.withResolvers<void>();
  let current: ReadEntry | undefined;
  const fail = (error: unknown) => {
    finished.reject(error);
    bytes.destroy();
    // The sink is waiting for the rest of this entry.
    current?.destroy(error);
  };
  let writing = Promise.resolve();
  let ended = false;
  // Strict: anything odd is an error; otherwise the parser would skip parts of the archive.
  const parser = new Parser({ strict: true, maxDecompressionRatio: Number.POSITIVE_INFINITY });
  parser.on('error', fail);
  parser.on('eof', () => {
    ended = true;
  });
  parser.on('end', () => finished.resolve());
  parser.on('ignoredEntry', ({ path, type }: ReadEntry) => fail(new EntryRefused(`it contains a ${type}: ${path}`)));
  parser.on('entry', (entry: ReadEntry) => {
    current = entry.on('error', () => {});
    writing = writing.then(() => give(entry, sink));
    writing.catch(fail);
  });
  const feed = async () => {
    let read = 0;
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      // The parser would decompress it without counting what comes out.
      if (read === 0 && isCompressed(chunk)) throw new EntryRefused('it is compressed twice');
      read += chunk.length;
      if (read > maxStreamBytes) throw new EntryRefused(`it unpacks to more than ${maxStreamBytes} bytes`);
      if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), finished.promise]);
      if (ended && stopAtEnd) break;
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

/** gzip or zstd, which the parser recognizes. */
const isCompressed = (chunk: Buffer): boolean =>
  (chunk[0] === 0x1f && chunk[1] === 0x8b) || (chunk[0] === 0x28 && chunk[1] === 0xb5);

const give = async (entry: ReadEntry, sink: EntrySink): Promise<void> => {
  const { path: name, type, linkpath: target = '' } = entry;
  switch (type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      return sink.file({ name, mode: entry.mode ?? 0o644, size: entry.size }, entry);
    case 'Directory':
    case 'GNUDumpDir':
      entry.resume();
      return sink.folder(name);
    case 'SymbolicLink':
      entry.resume();
      return sink.symlink(name, target);
    case 'Link':
      entry.resume();
      return sink.hardlink(name, target);
    default:
      throw new EntryRefused(`it contains a ${type}: ${name}`);
  }
};
