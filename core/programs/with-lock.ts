/** Runs long work in one process of this machine at a time; other processes wait. */
import { lock, tryLock } from '../lifecycle/fs/instance-lock.ts';

export interface ExclusiveOptions {
  signal: AbortSignal;
  /** Called once when another process holds the lock. */
  onWait?: () => void;
}

/** Large files and environments can take hours. */
const maxWaitMs = 24 * 3_600_000;

/** Errors: TIMEOUT, STATE_UNWRITABLE; the signal's reason when aborted. */
export const withExclusiveLock = async <Result>(
  lockFile: string,
  { signal, onWait }: ExclusiveOptions,
  work: () => Promise<Result>,
): Promise<Result> => {
  let held = await tryLock(lockFile);
  if (held === null) {
    onWait?.();
    held = await lock(lockFile, { timeoutMs: maxWaitMs, signal });
  }
  try {
    return await work();
  } finally {
    held.release();
  }
};
