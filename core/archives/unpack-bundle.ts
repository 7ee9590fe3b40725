/**
 * Unpacks an archive that another machine of the same user made (`pack.ts`): checked against its SHA-256 while it is read,
 * into a folder that appears whole or not at all. Needs nothing but Node and the tar library, as it is part of the agent.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { RbeeError } from '../contract/errors.ts';
import { makeFolder, unwritable } from '../lifecycle/fs/atomic-file.ts';
import { spaceError } from '../lifecycle/fs/disk-space.ts';
import { isFolder } from '../lifecycle/fs/file-kind.ts';
import { withLock } from '../lifecycle/fs/instance-lock.ts';
import { TreeWriter, usualLimits } from './tree-writer.ts';
import { unpackTar } from './unpack-tar.ts';

export interface BundleOptions {
  /** What the archive has to be, in hexadecimal. */
  sha256: string;
  /** Where it goes. What is there already is left as it is. */
  folder: string;
  signal: AbortSignal;
  /** Bytes of the archive that were read, and of the whole. */
  onProgress?: (done: number, total: number) => void;
}

/** Milliseconds for another process that unpacks into the same place. */
const lockMs = 600_000;

/** False: it was there. Errors: BUNDLE_CORRUPT, NO_SPACE, STATE_UNWRITABLE, TIMEOUT; the signal's reason when aborted. */
export const unpackBundle = async (archive: string, options: BundleOptions): Promise<boolean> => {
  const { folder, signal } = options;
  if (await isFolder(folder)) return false;
  const parent = dirname(folder);
  await makeFolder(parent);
  return withLock(join(parent, '.unpack.lock'), () => unpackAlone(archive, options), { timeoutMs: lockMs, signal });
};

const unpackAlone = async (archive: string, options: BundleOptions): Promise<boolean> => {
  const { folder, signal } = options;
  if (await isFolder(folder)) return false;
  const parent = dirname(folder);
  await removeLeftovers(parent);
  const staging = join(parent, `${unfinished}${basename(folder)}.${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(staging, { mode: 0o700 });
    await unpackChecked(archive, staging, options);
    await rename(staging, folder);
    return true;
  } catch (error) {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 });
    signal.throwIfAborted();
    throw await bundleError(error, archive, parent);
  }
};

/** Into `staging`, which is there and empty; what was written stays there on failure. Errors: as plain as they come. */
export const unpackChecked = async (
  archive: string,
  staging: string,
  { sha256, signal, onProgress = () => {} }: Omit<BundleOptions, 'folder'>,
): Promise<void> => {
  const hash = createHash('sha256');
  const { size } = await stat(archive);
  async function* counted(): AsyncGenerator<Buffer> {
    let done = 0;
    for await (const chunk of createReadStream(archive, { highWaterMark: 1 << 18, signal })) {
      done += (chunk as Buffer).length;
      hash.update(chunk as Buffer);
      onProgress(done, size);
      yield chunk as Buffer;
    }
  }
  const bytes = Readable.from(counted(), { objectMode: false });
  const tree = new TreeWriter(staging, { strip: 0, limits: usualLimits, signal });
  const plain = pipeline(
    bytes,
    createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 31 } }),
    // What went wrong is told by whoever reads it.
    () => {},
  );
  await unpackTar(plain, tree);
  const actual = hash.digest('hex');
  if (actual !== sha256) throw new Error(`its SHA-256 is ${actual}, not ${sha256}`);
  await tree.finish();
};

/** Begins the name of a folder that is being filled. */
const unfinished = '.unfinished-';

/** Of a process that was killed: whoever is at work here holds the lock. */
const removeLeftovers = async (parent: string): Promise<void> => {
  for (const name of await readdir(parent)) {
    if (name.startsWith(unfinished)) await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
};

export const bundleError = async (error: unknown, archive: string, folder: string): Promise<unknown> => {
  if (error instanceof RbeeError) return error;
  const full = await spaceError(folder, error);
  if (full) return full;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EIO') return unwritable(folder, error);
  return RbeeError.of('BUNDLE_CORRUPT', { archive: basename(archive), problem: message }, { cause: error });
};
