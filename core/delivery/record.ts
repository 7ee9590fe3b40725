/** A small JSON file next to a cached artifact, written atomically after it: if it exists, the artifact is complete. */
import { readSmallFile } from '../boundary/small-file.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';

/** Null if it is missing or unreadable. */
export const readRecord = async <Record>(file: string): Promise<Record | null> => {
  try {
    return JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 })) as Record;
  } catch {
    return null;
  }
};

/** Errors: STATE_UNWRITABLE. */
export const writeRecord = (file: string, record: object): Promise<void> => writeAtomic(file, JSON.stringify(record));
