/**
 * A lock that the kernel holds for a process: an exclusive transaction on a small SQLite file. It works between
 * processes and dies with its holder, however that ends; a PID file does neither.
 */
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RbeeError } from '../../contract/errors.ts';
import { makeFolder, unwritable } from './atomic-file.ts';

export interface InstanceLock {
  readonly path: string;
  /** Releases the lock; the file stays. */
  release(): void;
}

/** Takes the lock; null when it is already held, also by this process. Throws STATE_UNWRITABLE. */
export const tryLock = async (path: string): Promise<InstanceLock | null> => {
  const { DatabaseSync } = await import('node:sqlite');
  await makeFile(path);
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written, so no journal is needed on disk: a killed holder would leave it behind.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    if (!isNoDatabase(error)) throw unwritable(path, error);
    // A file that is not a database cannot be locked, so it is replaced.
    await rm(path);
    return tryLock(path);
  }
  return {
    path,
    release: () => {
      if (database.isOpen) database.close();
    },
  };
};

export interface LockOptions {
  /** Milliseconds to wait for the current holder. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Waits for the lock. Throws TIMEOUT. */
export const lock = async (path: string, options: LockOptions): Promise<InstanceLock> => {
  const deadline = performance.now() + options.timeoutMs;
  for (let pause = 5; ; pause = Math.min(50, pause * 2)) {
    options.signal?.throwIfAborted();
    const held = await tryLock(path);
    if (held !== null) return held;
    if (performance.now() > deadline) {
      const limit = `${options.timeoutMs} ms`;
      throw RbeeError.of('TIMEOUT', {
        what: `waiting for ${path}`,
        limit,
        hint: 'another rbee command holds it; try again',
      });
    }
    await delay(pause, undefined, { signal: options.signal });
  }
};

/** Runs `work` while holding the lock. */
export const withLock = async <Result>(
  path: string,
  work: () => Promise<Result>,
  options: LockOptions,
): Promise<Result> => {
  const held = await lock(path, options);
  try {
    return await work();
  } finally {
    held.release();
  }
};

const makeFile = async (path: string): Promise<void> => {
  await makeFolder(dirname(path));
  try {
    await (await open(path, 'a', 0o600)).close();
  } catch (error) {
    throw unwritable(path, error);
  }
};

/** SQLITE_BUSY and SQLITE_LOCKED, extended codes too. */
const isNoDatabase = (error: unknown): boolean => (error as { errcode?: number }).errcode === 26;

const isBusy = (error: unknown): boolean => {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6);
};
