/** Unpacks an archive that was uploaded: checked while it is read, and in its place only when it is whole. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { type ReadEntry, Unpack } from 'tar';
import { RbeeError } from '../../contract/errors.ts';
import type { UnpackRequest } from './protocol.ts';

export const unpackArchive = async (
  { archive, sha256, folder }: UnpackRequest,
  signal: AbortSignal,
): Promise<{ files: number; bytes: number }> => {
  const staged = `${folder}.${process.pid}.part`;
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged, { recursive: true, mode: 0o700 });
  let files = 0;
  let bytes = 0;
  const hash = createHash('sha256');
  const listen = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const unpack = new Unpack({
    cwd: staged,
    strict: true,
    preserveOwner: false,
    filter: (_path, entry) => {
      const { type, mode } = entry as ReadEntry;
      if (mode !== undefined) (entry as ReadEntry).mode = mode & 0o755;
      return type === 'File' || type === 'Directory' || type === 'SymbolicLink';
    },
    onReadEntry: (entry) => {
      files += 1;
      bytes += entry.size;
    },
  });
  try {
    await pipeline(createReadStream(archive), listen, createZstdDecompress(), unpack as never, { signal });
    const actual = hash.digest('hex');
    if (actual !== sha256) throw RbeeError.of('CHECKSUM_MISMATCH', { url: archive, actual, expected: sha256 });
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    await rm(folder, { recursive: true, force: true });
    await rename(staged, folder);
    return { files, bytes };
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
};
