/**
 * A lock is worth as much as its file: when somebody removes the folder that it lies in, the next one who comes takes a
 * lock of the same name, and there are two owners. This tells the first of them.
 */
import { stat } from 'node:fs/promises';
import type { InstanceLock } from './instance-lock.ts';

const everyMs = 1000;

/** Calls `onLost` once, when the file is gone or is another one. Gives what ends the watch. */
export const watchLock = async ({ path }: InstanceLock, onLost: () => void): Promise<() => void> => {
  const mine = await identityOf(path);
  let times = 0;
  const timer = setInterval(async () => {
    const now = await identityOf(path);
    // Once may be a network home that is being put back in its place. One that cannot be looked at tells nothing.
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
