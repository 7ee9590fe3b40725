/** ssh2, loaded on first use, because it takes 8 MB of memory. */
import { createRequire } from 'node:module';

type Ssh2 = typeof import('ssh2');

let loaded: Ssh2 | undefined;

export const ssh2 = (): Ssh2 => {
  loaded ??= createRequire(import.meta.url)('ssh2') as Ssh2;
  return loaded;
};
