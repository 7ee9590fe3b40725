/** What tells this queen from those of other machines and state folders, also after she was started again. */
import { randomUUID } from 'node:crypto';
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';

/** Made when it is first asked for. Throws STATE_UNWRITABLE. */
export const queenId = async (file: string): Promise<string> => {
  const there = (await readSmallFile(file).catch(() => '')).trim();
  if (/^[0-9a-f-]{36}$/.test(there)) return there;
  const id = randomUUID();
  await writeAtomic(file, `${id}\n`);
  return id;
};
