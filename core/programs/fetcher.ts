/** Files from the network, by what they must be: a cache that is addressed by SHA-256 and filled one download at a time. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rm } from 'node:fs/promises';
import { nameInFolder, pathRefused } from '../contract/safe-path.ts';
import { unwritable } from '../lifecycle/fs/atomic-file.ts';
import { type DownloadPace, download, usualPace } from './download.ts';
import { inTurn } from './taking-turns.ts';

export interface FetchOptions {
  /** Folder of the cache; the file is named by its SHA-256 there. */
  to: string;
  /** 64 lower-case hexadecimal digits; anything else is refused. */
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
   * DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE, PATH_REFUSED, STATE_UNWRITABLE; the signal's reason when aborted.
   */
  fetch(url: string, options: FetchOptions): Promise<string>;
}

/** Fetches with this machine's own network; proxies and certificates come from `env`. */
export const downloadFetcher = (env: NodeJS.ProcessEnv, pace: DownloadPace = usualPace): Fetcher => ({
  fetch: async (url, options) => {
    const { to, sha256, signal } = options;
    const path = cachedFile(to, sha256);
    if (await isWhole(path, sha256)) return path;
    await mkdir(to, { recursive: true, mode: 0o700 }).catch((error) => {
      throw unwritable(to, error);
    });
    for (const name of [path, `${path}.lock`, `${path}.part.json`]) await removeLink(name);
    return inTurn(`${path}.lock`, { signal, onWait: options.onWait }, async () => {
      if (!(await isWhole(path, sha256))) await download(url, { ...options, path, env, pace });
      return path;
    });
  },
});

/** Where the cache keeps the file of this hash. Errors: PATH_REFUSED for what is not a hash. */
export const cachedFile = (folder: string, sha256: string): string => {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw pathRefused(folder, sha256, 'it is not a SHA-256 in lower-case hexadecimal');
  return nameInFolder(folder, sha256);
};

/** Is the cached file what its name says? One that is not (a failing disk) is removed. */
const isWhole = async (path: string, sha256: string): Promise<boolean> => {
  // A link may lead out of the cache: it is not followed, and makes room for the download.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
    throw error;
  });
  if (!file) return false;
  const hash = createHash('sha256');
  try {
    if (!(await file.stat()).isFile()) throw unwritable(path, new Error('something else than a file has its name'));
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk);
  } finally {
    await file.close();
  }
  if (hash.digest('hex') === sha256) return true;
  await rm(path, { force: true });
  return false;
};

/** The link alone: what it leads to stays as it is. */
const removeLink = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found?.isSymbolicLink()) await rm(path, { force: true });
};
