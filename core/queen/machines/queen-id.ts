/** What tells this queen from those of other machines and state folders, also after she was started again. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeAtomic } from '../../lifecycle/atomic-file.ts';

/** Made when it is first asked for. Throws STATE_UNWRITABLE. */
export const queenId = async (file: string): Promise<string> => {
  const there = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f-]{36}$/.test(there)) return there;
  const id = randomUUID();
  await writeAtomic(file, `${id}\n`);
  return id;
};
