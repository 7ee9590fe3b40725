/** What has to be shown to the port of a hive: made once, kept where only its user reads it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';

export const hiveToken = async (state: string): Promise<string> => {
  const file = join(state, 'hive.token');
  const there = (await readSmallFile(file).catch(() => '')).trim();
  if (/^[0-9a-f]{64}$/.test(there)) return there;
  const token = randomBytes(32).toString('hex');
  await writeAtomic(file, `${token}\n`);
  return token;
};
