/**
 * Packs files into a reproducible archive (tar, zstd): sorted names, no times, no owners, only the permissions that a
 * program needs. Its SHA-256 identifies it, so an archive that a machine already has is not sent again.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { Header } from 'tar';
import { unwritable } from '../lifecycle/fs/atomic-file.ts';
import { spaceError } from '../lifecycle/fs/disk-space.ts';

/** `path` in the archive, with slashes. */
export type PackEntry = { path: string } & (
  | { kind: 'file'; file: string; executable: boolean }
  | { kind: 'text'; text: string }
  /** `target`: relative, as in the link. */
  | { kind: 'link'; target: string }
);

export interface Packed {
  /** Absolute path, in the given folder. */
  file: string;
  /** SHA-256 of the file; also its name. */
  sha256: string;
  /** SHA-256 of the uncompressed archive: it does not depend on the version of the compressor. */
  contents: string;
  /** Bytes of the file. */
  size: number;
}

export interface PackOptions {
  /** Folder for the archive. */
  folder: string;
  signal: AbortSignal;
  /** 1 (fast) to 22 (small). */
  level?: number;
  /** Bytes of the files that were read. */
  onProgress?: (done: number) => void;
}

const defaultLevel = 9;

/** Errors: NO_SPACE, STATE_UNWRITABLE; the system's when a file cannot be read; the signal's reason when aborted. */
export const pack = async (entries: readonly PackEntry[], options: PackOptions): Promise<Packed> => {
  const { folder, signal, level = defaultLevel } = options;
  const temporary = join(folder, `.pack-${process.pid}-${randomBytes(6).toString('hex')}`);
  const [contents, whole] = [counter(), counter()];
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await pipeline(
      Readable.from(tarOf(entries, options), { objectMode: false }),
      contents.through,
      createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } }),
      whole.through,
      createWriteStream(temporary, { mode: 0o600 }),
      { signal },
    );
    await sync(temporary);
    const sha256 = whole.digest();
    const file = join(folder, `${sha256}.tar.zst`);
    await rename(temporary, file);
    return { file, sha256, contents: contents.digest(), size: whole.bytes() };
  } catch (error) {
    await rm(temporary, { force: true });
    signal.throwIfAborted();
    throw (await spaceError(folder, error)) ?? writeProblem(folder, error);
  }
};

const writeProblem = (folder: string, error: unknown): unknown => {
  const { code, path } = error as NodeJS.ErrnoException;
  const ours = path === undefined || path.startsWith(folder);
  return ours && ['EACCES', 'EROFS', 'EIO', 'ENOTDIR'].includes(code ?? '') ? unwritable(folder, error) : error;
};

const counter = () => {
  const hash = createHash('sha256');
  let bytes = 0;
  const through = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { through, bytes: () => bytes, digest: () => hash.digest('hex') };
};

const block = 512;

async function* tarOf(entries: readonly PackEntry[], { onProgress }: PackOptions): AsyncGenerator<Buffer> {
  const { Header, Pax } = await import('tar');
  let done = 0;
  for (const entry of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const size = await sizeOf(entry);
    const fields = fieldsOf(entry, size);
    const header = new Header(fields);
    const encoded = Buffer.alloc(block);
    // Values that do not fit into an old-style header go into an extended header before it.
    if (header.encode(encoded)) yield new Pax({ path: fields.path, linkpath: fields.linkpath, size }).encode();
    yield encoded;
    let written = 0;
    for await (const chunk of bodyOf(entry)) {
      written += chunk.length;
      done += chunk.length;
      onProgress?.(done);
      yield chunk;
    }
    if (written !== size) throw new Error(`${entry.path} changed while it was packed`);
    if (size % block > 0) yield Buffer.alloc(block - (size % block));
  }
  yield Buffer.alloc(2 * block);
}

const sizeOf = async (entry: PackEntry): Promise<number> => {
  if (entry.kind === 'link') return 0;
  return entry.kind === 'text' ? Buffer.byteLength(entry.text) : (await stat(entry.file)).size;
};

const fieldsOf = (entry: PackEntry, size: number): Partial<Header> & { path: string } => ({
  path: entry.path,
  size,
  mode: entry.kind === 'file' && entry.executable ? 0o755 : 0o644,
  uid: 0,
  gid: 0,
  mtime: new Date(0),
  ...(entry.kind === 'link' ? { type: 'SymbolicLink', linkpath: entry.target } : { type: 'File' }),
});

async function* bodyOf(entry: PackEntry): AsyncGenerator<Buffer> {
  if (entry.kind === 'text') yield Buffer.from(entry.text);
  if (entry.kind === 'file') yield* createReadStream(entry.file, { highWaterMark: 1 << 18 });
}

const sync = async (path: string): Promise<void> => {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};
