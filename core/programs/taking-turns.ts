/** Work that only one process of this machine does at a time; the others wait for it, however long it takes. */
import { lock, tryLock } from '../lifecycle/fs/instance-lock.ts';

export interface TurnOptions {
  signal: AbortSignal;
  /** Called when another one is at it. */
  onWait?: () => void;
}

/** As long as a large file or a large environment may take. */
const longestWaitMs = 24 * 3_600_000;

/** Errors: TIMEOUT, STATE_UNWRITABLE; the signal's reason when aborted. */
export const inTurn = async <Result>(
  lockFile: string,
  { signal, onWait }: TurnOptions,
  work: () => Promise<Result>,
): Promise<Result> => {
  let held = await tryLock(lockFile);
  if (held === null) {
    onWait?.();
    held = await lock(lockFile, { timeoutMs: longestWaitMs, signal });
  }
  try {
    return await work();
  } finally {
    held.release();
  }
};
