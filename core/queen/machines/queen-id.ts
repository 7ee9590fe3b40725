/** What tells this queen from those of other machines and state folders, also after a restart. */
import { randomUUID } from 'node:crypto';
import { loadId } from '../../lifecycle/fs/id-file.ts';

/** Made when it is first asked for. Throws STATE_UNWRITABLE. */
export const queenId = (file: string): Promise<string> =>
  loadId({ file, pattern: /^[0-9a-f-]{36}$/, make: randomUUID });
