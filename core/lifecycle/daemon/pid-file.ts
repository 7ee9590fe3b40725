/** PID files: one plain number. */
import { RbeeError } from '../../contract/errors.ts';
import type { Runner } from '../system/runner.ts';

/**
 * Null when the file does not exist. `garbled` when it holds no PID, as after a power failure: it then says nothing
 * about whether the daemon runs. Throws PID_FILE_INVALID when it cannot be read.
 */
export const readPidFile = async (runner: Runner, path: string): Promise<number | 'garbled' | null> => {
  let text: string | null;
  try {
    text = await runner.read(path);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw RbeeError.of('PID_FILE_INVALID', { path, problem });
  }
  if (text === null) return null;
  const pid = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : 0;
  // PID 1 is the system's first process, never a daemon.
  return pid <= 1 || pid > 0x7fffffff ? 'garbled' : pid;
};

/** Throws STATE_UNWRITABLE. */
export const writePidFile = (runner: Runner, path: string, pid: number): Promise<void> =>
  runner.write(path, `${pid}\n`);

/** Removes the file if it names this process or holds no PID: by now it may belong to a successor. */
export const removePidFile = async (runner: Runner, path: string, pid: number): Promise<void> => {
  const there = await readPidFile(runner, path).catch(() => null);
  if (there === pid || there === 'garbled') await runner.remove(path);
};
