/** An id or token that is generated once and then kept in a private file. */
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from './atomic-file.ts';

export interface IdFile {
  file: string;
  /** What a valid id looks like. */
  pattern: RegExp;
  make: () => string;
}

/** The id in the file. A missing or invalid file is replaced. Throws STATE_UNWRITABLE. */
export const loadId = async ({ file, pattern, make }: IdFile): Promise<string> => {
  const known = (await readSmallFile(file).catch(() => '')).trim();
  if (pattern.test(known)) return known;
  const id = make();
  await writeAtomic(file, `${id}\n`);
  return id;
};
