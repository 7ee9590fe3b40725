/** Reads a configuration file, unless another user can change it, since its content decides what rbee runs. */
import { readSmallFileSync } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import type { Finding } from './ownership.ts';
import { checkOpenFile } from './private-places.ts';
import { configError } from './toml.ts';

export interface TrustOptions {
  /** The user chose this file, and so its owner and group. */
  isChosen?: boolean;
  /** Called for problems that are not severe. */
  onDoubt?: (doubt: Finding) => void;
}

/** Null if the file does not exist. Errors: CONFIG_INVALID if it cannot be read, FILE_NOT_PRIVATE. */
export const readTrusted = (file: string, { isChosen = false, onDoubt }: TrustOptions = {}): string | null => {
  try {
    return readSmallFileSync(file, {
      // Checks the open file, so that it cannot be replaced between the check and the read.
      onOpen: (_, fd) => {
        for (const doubt of checkOpenFile(file, fd, isChosen)) onDoubt?.(doubt);
      },
    });
  } catch (error) {
    if (error instanceof RbeeError) throw error;
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw configError(file, { line: 1, column: 1 }, message, hints.get(code) ?? 'check the permissions of the file');
  }
};

const hints = new Map([
  ['ENOTREG', 'replace it with a regular file, or remove it'],
  ['EISDIR', 'replace it with a regular file, or remove it'],
  ['EFBIG', 'check that it is the right file'],
  ['EBUSY', 'try again when it is complete'],
]);
