/** Reads tar archives entry by entry. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ReadEntry } from 'tar';
import type { TreeWriter } from './tree-writer.ts';

/** `bytes` are those of the tar itself; they are read to their end, or destroyed. */
export const unpackTar = async (bytes: Readable, tree: TreeWriter): Promise<void> => {
  const { Parser } = await import('tar');
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
