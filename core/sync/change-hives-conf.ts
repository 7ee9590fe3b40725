/** Edits the text of a `hives.conf` on disk atomically. Follows links and keeps the file mode. */
import { realpath, stat } from 'node:fs/promises';
import { readSmallFile } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';

export interface HivesConfChange {
  file: string;
  /** The file is new. */
  created: boolean;
}

/**
 * `edit` gets the text, or an empty string without a file, and returns the new text. Errors: any from `edit`,
 * FILE_UNREADABLE, STATE_UNWRITABLE.
 */
export const changeHivesConf = async (
  file: string,
  edit: (source: string, file: string) => string,
): Promise<HivesConfChange> => {
  // A link, for example to a file in a dotfiles repository, stays a link.
  const place = await realpath(file).catch(ifMissing(file));
  const before = place === null ? '' : await readSmallFile(place).catch(ifMissing(file));
  const after = edit(before ?? '', file);
  const mode = place === null ? 0o600 : (await stat(place)).mode & 0o777;
  if (place === null || after !== before) await writeAtomic(place ?? file, after, mode);
  return { file, created: place === null };
};

const ifMissing =
  (path: string) =>
  (error: NodeJS.ErrnoException): null => {
    if (error.code === 'ENOENT') return null;
    throw RbeeError.of('FILE_UNREADABLE', { path, problem: error.message }, { cause: error });
  };
