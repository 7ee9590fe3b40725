/** Reads a configuration file, unless another user may write it: what is in it decides what rbee runs. */
import { readSmallFileSync } from '../boundary/small-file.ts';
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
  try {
    return readSmallFileSync(file, {
      // The open file is checked, so that it cannot be swapped for another between the check and the read.
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
  ['ENOTREG', 'put an ordinary file there, or remove it'],
  ['EISDIR', 'put an ordinary file there, or remove it'],
  ['EFBIG', 'check that it is the right file'],
  ['EBUSY', 'try again once it is written'],
]);
