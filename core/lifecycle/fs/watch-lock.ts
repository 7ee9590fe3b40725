/**
 * Notices when a lock file was removed. The next process then locks a new file of the same name, and both believe that
 * they hold the lock; this warns the first one.
 */
import { stat } from 'node:fs/promises';
import type { InstanceLock } from './instance-lock.ts';

const everyMs = 1000;

/** Calls `onLost` once when the file is missing or was replaced. Returns a function that stops the watch. */
export const watchLock = async ({ path }: InstanceLock, onLost: () => void): Promise<() => void> => {
  const mine = await identityOf(path);
  let times = 0;
  const timer = setInterval(async () => {
    const now = await identityOf(path);
    // Missing once may be a network home that is being remounted. A file that cannot be examined proves nothing.
    times = now === mine || now === 'unknown' ? 0 : times + 1;
    if (times !== 2) return;
    clearInterval(timer);
    onLost();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
};

const identityOf = (path: string): Promise<string> =>
  stat(path).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    ({ code }: NodeJS.ErrnoException) => (code === 'ENOENT' || code === 'ENOTDIR' ? 'none' : 'unknown'),
  );
