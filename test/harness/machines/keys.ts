/** Makes SSH keys with ssh-keygen. */
import { readFileSync } from 'node:fs';
import { mustRun } from './program.ts';

export const makeKey = async (
  path: string,
  { type = 'ed25519', passphrase = '' }: { type?: 'ed25519' | 'ecdsa'; passphrase?: string } = {},
): Promise<void> => {
  // Few rounds: the passphrase protects nothing here.
  await mustRun(['ssh-keygen', '-q', '-t', type, '-a', '1', '-N', passphrase, '-C', 'test', '-f', path], {
    input: 'y\n',
  });
};

export const publicKey = (path: string): string => readFileSync(`${path}.pub`, 'utf8').trim();
