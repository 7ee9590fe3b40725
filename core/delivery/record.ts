/** What was made once, as a small file beside it: written last and at once, so that what it names is whole. */
import { readSmallFile } from '../boundary/small-file.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';

/** Null where there is none, or none that can be read. */
export const readRecord = async <Record>(file: string): Promise<Record | null> => {
  try {
    return JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 })) as Record;
  } catch {
    return null;
  }
};

/** Errors: STATE_UNWRITABLE. */
export const writeRecord = (file: string, record: object): Promise<void> => writeAtomic(file, JSON.stringify(record));
