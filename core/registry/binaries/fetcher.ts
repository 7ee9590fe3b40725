/** Files from the network, by what they must be: a cache that is addressed by SHA-256 and filled one download at a time. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unwritable } from '../../lifecycle/atomic-file.ts';
import { type DownloadPace, download, usualPace } from './download.ts';
import { inTurn } from './taking-turns.ts';

export interface FetchOptions {
  /** Folder of the cache; the file is named by its SHA-256 there. */
  to: string;
  /** 64 lower-case hexadecimal digits. */
  sha256: string;
  signal: AbortSignal;
  /** Bytes so far, and of the whole where it is known. */
  onProgress?: (done: number, total?: number) => void;
  /** Another process is downloading the same file; its result will be taken. */
  onWait?: () => void;
}

/** Who gets files from the network: this machine itself, or another one on its behalf. */
export interface Fetcher {
  /**
   * Path of the file, which was checked. A download that was interrupted goes on where it stopped. Errors:
   * DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE, STATE_UNWRITABLE; the signal's reason when aborted.
   */
  fetch(url: string, options: FetchOptions): Promise<string>;
}

/** Fetches with this machine's own network; proxies and certificates come from `env`. */
export const downloadFetcher = (env: NodeJS.ProcessEnv, pace: DownloadPace = usualPace): Fetcher => ({
  fetch: async (url, options) => {
    const { to, sha256, signal } = options;
    const path = join(to, sha256);
    if (await isWhole(path, sha256)) return path;
    await mkdir(to, { recursive: true, mode: 0o700 }).catch((error) => {
      throw unwritable(to, error);
    });
    return inTurn(`${path}.lock`, { signal, onWait: options.onWait }, async () => {
      if (!(await isWhole(path, sha256))) await download(url, { ...options, path, env, pace });
      return path;
    });
  },
});

/** Is the cached file what its name says? One that is not (a failing disk) is removed. */
const isWhole = async (path: string, sha256: string): Promise<boolean> => {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  if (hash.digest('hex') === sha256) return true;
  await rm(path, { force: true });
  return false;
};
