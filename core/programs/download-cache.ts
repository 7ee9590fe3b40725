/** Downloads for programs: a cache whose files are named by their SHA-256, filled by one download at a time. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rm } from 'node:fs/promises';
import { RbeeError } from '../contract/errors.ts';
import { nameInFolder, pathRefused } from '../contract/safe-path.ts';
import { ContentMismatch, download } from '../download/download.ts';
import { HttpFailure } from '../download/http-failure.ts';
import { plainUrl } from '../download/http-get.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../download/retry.ts';
import { unwritable } from '../lifecycle/fs/atomic-file.ts';
import { withExclusiveLock } from './with-lock.ts';

export interface FetchOptions {
  /** Folder of the cache. */
  to: string;
  /** 64 lower-case hexadecimal digits; anything else is refused. */
  sha256: string;
  signal: AbortSignal;
  /** Bytes so far, and the total where it is known. */
  onProgress?: (done: number, total?: number) => void;
  /** Called when another process is downloading the same file; its result is used. */
  onWait?: () => void;
}

export interface DownloadCache {
  /**
   * Path of the verified file. Resumes an interrupted download. Errors: DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE,
   * PATH_REFUSED, STATE_UNWRITABLE; the signal's reason when aborted.
   */
  fetch(url: string, options: FetchOptions): Promise<string>;
}

/** Proxies and certificates come from `env`. */
export const downloadCache = (env: NodeJS.ProcessEnv, retry: RetryPolicy = defaultRetryPolicy): DownloadCache => ({
  fetch: async (url, options) => {
    const { to, sha256, signal, onWait, onProgress } = options;
    const path = cachedFile(to, sha256);
    if (await isIntact(path, sha256)) return path;
    await mkdir(to, { recursive: true, mode: 0o700 }).catch((error) => {
      throw unwritable(to, error);
    });
    for (const name of [path, `${path}.lock`, `${path}.part.json`]) await removeLink(name);
    return withExclusiveLock(`${path}.lock`, { signal, ...(onWait && { onWait }) }, async () => {
      if (await isIntact(path, sha256)) return path;
      await download({
        address: url,
        plainAddress: url,
        expected: { bytes: null, sha256, git: null },
        part: path,
        place: async () => path,
        env,
        retry,
        signal,
        ...(onProgress && { onProgress }),
      }).catch((error: unknown) => {
        throw downloadError(error, url);
      });
      return path;
    });
  },
});

/** The cache's path for a file with this hash. Errors: PATH_REFUSED for an invalid hash. */
export const cachedFile = (folder: string, sha256: string): string => {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw pathRefused(folder, sha256, 'it is not a SHA-256 in lower-case hexadecimal');
  return nameInFolder(folder, sha256);
};

/** Whether the cached file matches its name. A damaged one is removed. */
const isIntact = async (path: string, sha256: string): Promise<boolean> => {
  // A link may lead out of the cache: it is not followed, and the download replaces it.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
    throw error;
  });
  if (!file) return false;
  const hash = createHash('sha256');
  try {
    if (!(await file.stat()).isFile()) throw unwritable(path, new Error('it is not a regular file'));
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk);
  } finally {
    await file.close();
  }
  if (hash.digest('hex') === sha256) return true;
  await rm(path, { force: true });
  return false;
};

/** Removes the link itself, never its target. */
const removeLink = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found?.isSymbolicLink()) await rm(path, { force: true });
};

const downloadError = (error: unknown, url: string): unknown => {
  if (error instanceof ContentMismatch) {
    const { actual, expected } = error;
    return RbeeError.of('CHECKSUM_MISMATCH', { url: plainUrl(url), actual, expected });
  }
  if (!(error instanceof HttpFailure)) return error;
  return RbeeError.of('DOWNLOAD_FAILED', { url: plainUrl(url), problem: problemOf(error) }, { cause: error });
};

const problemOf = ({ kind, message, cause }: HttpFailure): string => {
  if (kind === 'answer') return `the server ${message}`;
  const { code = '', message: details = message } = (cause ?? {}) as NodeJS.ErrnoException;
  return problems[code] ?? (details || code);
};

const problems: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
  UND_ERR_SOCKET: 'the connection was lost',
  ECONNRESET: 'the connection was lost',
};
