/** Keys in a file that only its owner can read. */

import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { readTrusted } from '../../config/read-trusted.ts';
import { accessKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import type { KeyStorage } from './key-ring.ts';

const content = Type.Object({ version: Type.Literal(1), keys: Type.Array(accessKey, { maxItems: 10_000 }) });

export const keyFile = (path: string): KeyStorage => ({
  load: async () => {
    const text = readTrusted(path);
    if (text === null) return [];
    const value = parsed(text);
    if (Compile(content).Check(value)) return value.keys;
    throw RbeeError.of('FILE_UNREADABLE', { path, problem: 'it is not a list of keys; restore it, or move it away' });
  },
  save: (keys) => writeAtomic(path, `${JSON.stringify({ version: 1, keys }, null, 1)}\n`),
});

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
