/** Reads a configuration file, unless another user may write it: what is in it decides what rbee runs. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { RbeeError } from '../contract/errors.ts';
import type { Finding } from './ownership.ts';
import { checkOpenFile } from './private-places.ts';
import { configError } from './toml.ts';

export interface TrustOptions {
  /** A person named this file, and chose its owner and group with it. */
  isChosen?: boolean;
  /** Called for what is no reason to refuse it. */
  onDoubt?: (doubt: Finding) => void;
}

/** Null where there is no such file. Errors: CONFIG_INVALID when it cannot be read, FILE_NOT_PRIVATE. */
export const readTrusted = (file: string, { isChosen = false, onDoubt }: TrustOptions = {}): string | null => {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    // The open file is checked, so that it cannot be swapped for another between the check and the read.
    for (const doubt of checkOpenFile(file, fd, isChosen)) onDoubt?.(doubt);
    return readFileSync(fd, 'utf8');
  } catch (error) {
    if (error instanceof RbeeError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw configError(file, { line: 1, column: 1 }, (error as Error).message, 'mend the permissions of the file');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};
