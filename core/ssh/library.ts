/** ssh2, loaded when a machine is first reached: a queen without other machines does without its 8 MB. */
import { createRequire } from 'node:module';

type Ssh2 = typeof import('ssh2');

let loaded: Ssh2 | undefined;

export const ssh2 = (): Ssh2 => {
  loaded ??= createRequire(import.meta.url)('ssh2') as Ssh2;
  return loaded;
};
