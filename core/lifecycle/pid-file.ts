/** PID files: one plain number. */
import { RbeeError } from '../contract/errors.ts';
import type { Runner } from './runner.ts';

/** Null when there is no such file. Throws PID_FILE_INVALID when it cannot be read or holds no PID. */
export const readPidFile = async (runner: Runner, path: string): Promise<number | null> => {
  let text: string | null;
  try {
    text = await runner.read(path);
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
  if (text === null) return null;
  const pid = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : 0;
  // 1 is the system's own first process: nobody's daemon.
  if (pid <= 1 || pid > 0x7fffffff) throw invalid(path, 'it holds no process id');
  return pid;
};

/** Throws STATE_UNWRITABLE. */
export const writePidFile = (runner: Runner, path: string, pid: number): Promise<void> =>
  runner.write(path, `${pid}\n`);

/** Removes the file if it still names this process: it may be its successor's by now. */
export const removePidFile = async (runner: Runner, path: string, pid: number): Promise<void> => {
  const there = await readPidFile(runner, path).catch(() => null);
  if (there === pid) await runner.remove(path);
};

const invalid = (path: string, problem: string): RbeeError => RbeeError.of('PID_FILE_INVALID', { path, problem });
