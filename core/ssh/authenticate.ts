/** The keys offered to a machine, in the order of OpenSSH: those of the agent, then files. */
import type { Stats } from 'node:fs';
import type { AnyAuthMethod, AuthenticationType, ParsedKey, PublicKeyEntry } from 'ssh2';
import { readSmallBytes } from '../boundary/small-file.ts';
import { ssh2 } from './library.ts';
import type { Hop } from './target.ts';

/** What was tried, for the error message if all of it was rejected. */
export interface Attempts {
  tried: string[];
  /** Key files with an unknown passphrase. */
  encrypted: string[];
  /** Key files with a wrong passphrase. */
  wrongPassphrase: string[];
  problems: string[];
}

export const noAttempts = (): Attempts => ({ tried: [], encrypted: [], wrongPassphrase: [], problems: [] });

type Next = AnyAuthMethod | false;

/** `passphrases` by key file. Records what happens in `attempts`. */
export const authenticator = (
  hop: Hop,
  passphrases: ReadonlyMap<string, string>,
  attempts: Attempts,
): ((left: AuthenticationType[] | null, partial: boolean, next: (method: Next) => void) => void) => {
  const methods = offers(hop, passphrases, attempts);
  return (left, partial, next) => {
    if (left !== null && !left.includes('publickey')) {
      const methods = left.join(', ');
      attempts.problems.push(
        partial ? `it accepted a key, but also requires: ${methods}` : `it does not accept keys, only: ${methods}`,
      );
      next(false);
      return;
    }
    methods.next().then(
      ({ value, done }) => next(done ? false : value),
      () => next(false),
    );
  };
};

async function* offers(hop: Hop, passphrases: ReadonlyMap<string, string>, attempts: Attempts) {
  const { user: username } = hop;
  // Each file reports to its own list, so that questions follow the order of the files, however fast each is read.
  const read = await Promise.all(
    hop.keyFiles.map(async (file) => {
      const found = noAttempts();
      return { key: await readKey(file, passphrases.get(file), found), found };
    }),
  );
  for (const { found } of read) {
    attempts.encrypted.push(...found.encrypted);
    attempts.wrongPassphrase.push(...found.wrongPassphrase);
    attempts.problems.push(...found.problems);
  }
  const files = read.map(({ key }) => key);
  if (hop.agent !== null) {
    const agent = new (ssh2().OpenSSHAgent)(hop.agent);
    const held = await new Promise<(ParsedKey | PublicKeyEntry)[]>((resolve) => {
      agent.getIdentities((error, keys) => {
        if (error) attempts.problems.push(`the SSH agent at ${hop.agent} does not answer (${error.message})`);
        resolve((keys ?? []) as (ParsedKey | PublicKeyEntry)[]);
      });
    });
    const wanted = new Set(files.flatMap((file) => (file.blob === null ? [] : [file.blob])));
    // Configured keys first, because machines limit the number of attempts.
    const named = held.filter((key) => wanted.has(blobOf(key)));
    const offered = hop.identitiesOnly ? named : [...named, ...held.filter((key) => !named.includes(key))];
    if (offered.length > 0) {
      attempts.tried.push(`${offered.length} ${offered.length === 1 ? 'key' : 'keys'} of the SSH agent`);
      yield { type: 'agent', username, agent: only(agent, offered) } as AnyAuthMethod;
    }
  }
  for (const { file, key } of files) {
    if (key === null) continue;
    attempts.tried.push(file);
    yield { type: 'publickey', username, key } as AnyAuthMethod;
  }
}

interface KeyFile {
  file: string;
  key: ParsedKey | null;
  /** The public key, base64; known even for an encrypted key if there is a `.pub` file. */
  blob: string | null;
}

const readKey = async (file: string, passphrase: string | undefined, attempts: Attempts): Promise<KeyFile> => {
  const none: KeyFile = { file, key: null, blob: null };
  let text: Buffer;
  let mode = 0;
  try {
    const onOpen = (stats: Stats) => {
      mode = modeIfOwn(stats);
    };
    text = await readSmallBytes(file, { onOpen });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Most of the default files do not exist.
    if (code !== 'ENOENT') attempts.problems.push(`the key ${file} cannot be read (${message})`);
    return none;
  }
  const isOpen = (mode & 0o077) !== 0;
  if (isOpen) attempts.problems.push(tooOpen(file, mode));
  const key = firstOf(ssh2().utils.parseKey(text, passphrase));
  // The public key still identifies a key of the agent.
  if (!(key instanceof Error)) return { file, key: isOpen ? null : key, blob: key.getPublicSSH().toString('base64') };
  if (!isOpen) addKeyProblem(file, key, passphrase !== undefined, attempts);
  const beside = await readSmallBytes(`${file}.pub`).catch(() => null);
  const shown = beside === null ? null : firstOf(ssh2().utils.parseKey(beside));
  return { ...none, blob: shown === null || shown instanceof Error ? null : shown.getPublicSSH().toString('base64') };
};

const addKeyProblem = (file: string, error: Error, hasPassphrase: boolean, attempts: Attempts): void => {
  if (hasPassphrase) attempts.wrongPassphrase.push(file);
  else if (/passphrase|encrypted/i.test(error.message)) attempts.encrypted.push(file);
  else attempts.problems.push(`${file} is not a private key (${error.message})`);
};

/** Like OpenSSH, only checks the mode of keys that the user owns. */
const modeIfOwn = ({ uid, mode }: Stats): number => (uid === process.getuid?.() ? mode : 0);

const tooOpen = (file: string, mode: number): string =>
  `the key ${file} is ignored, because other users can read it (mode 0${(mode & 0o777).toString(8)}): chmod 600 ${file}`;

const firstOf = (parsed: ParsedKey | ParsedKey[] | Error): ParsedKey | Error =>
  Array.isArray(parsed) ? (parsed[0] ?? new Error('it is empty')) : parsed;

const blobOf = (key: ParsedKey | PublicKeyEntry): string =>
  'getPublicSSH' in key ? key.getPublicSSH().toString('base64') : '';

/** The same agent, limited to some of its keys. */
const only = (agent: InstanceType<ReturnType<typeof ssh2>['OpenSSHAgent']>, keys: (ParsedKey | PublicKeyEntry)[]) => {
  agent.getIdentities = ((callback: (error: null, keys: unknown) => void) => callback(null, keys)) as never;
  return agent;
};
