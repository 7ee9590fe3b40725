/** Opens and removes log files, and exports everything else that can be done with them. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unwritable } from '../fs/atomic-file.ts';
import { rotated } from './reader.ts';
import { keptLogs } from './rotation.ts';

export { type FollowOptions, follow } from './follow.ts';
export { type RotationOptions, rotate, rotateRegularly } from './rotation.ts';
export { tail } from './tail.ts';

/** Opens a log for appending (0600). After a truncation, writing continues at the start of the file. */
export const openLog = async (file: string): Promise<FileHandle> => {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY;
  const openNow = () => open(file, flags, 0o600);
  try {
    return await openNow().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      return await openNow();
    });
  } catch (error) {
    throw unwritable(file, error);
  }
};

/** Removes a log and its rotated pieces; does nothing when there are none. */
export const removeLog = async (file: string): Promise<void> => {
  const numbers = Array.from({ length: keptLogs }, (_, index) => index + 1);
  await Promise.all([file, ...numbers.map((number) => rotated(file, number))].map((path) => rm(path, { force: true })));
};
