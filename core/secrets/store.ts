/**
 * Stores each secret in its own file that only its owner can read: `secrets/NAME`, mode 0600, in a folder of mode 0700.
 * Secrets are not encrypted: anyone who can read this user's files can read them.
 */
import { constants, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { maxSecretBytes, minSecretLength, secretNamePattern } from '../contract/secret-reference.ts';
import { makeFolder, unwritable, writeAtomic } from '../lifecycle/fs/atomic-file.ts';

export interface SecretEntry {
  name: string;
  /** When its value was last set, ISO 8601. */
  updatedAt: string;
}

export class SecretStore {
  readonly folder: string;
  /** Every value read or written so far, by name, for redaction. */
  readonly #seen = new Map<string, Set<string>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Path of a secret, whether it exists or not. Throws INVALID_INPUT for an invalid name. */
  fileOf(name: string): string {
    checkName(name);
    return join(this.folder, name);
  }

  /** Throws INVALID_INPUT, STATE_UNWRITABLE. */
  async set(name: string, value: string): Promise<void> {
    const file = this.fileOf(name);
    checkValue(name, value);
    await makeFolder(this.folder);
    await chmod(this.folder, 0o700).catch((error) => {
      throw unwritable(this.folder, error);
    });
    await writeAtomic(file, value, 0o600);
    this.#remember(name, value);
  }

  /** Undefined when there is none. Throws INVALID_INPUT, FILE_NOT_PRIVATE, FILE_UNREADABLE. */
  async get(name: string): Promise<string | undefined> {
    const file = this.fileOf(name);
    const handle = await openPrivate(file);
    if (handle === null) return undefined;
    try {
      const value = await readValue(handle, file);
      this.#remember(name, value);
      return value;
    } finally {
      await handle.close();
    }
  }

  /** Existing secrets, sorted by name. */
  async list(): Promise<SecretEntry[]> {
    const isName = new RegExp(secretNamePattern);
    const names = (await namesIn(this.folder)).filter((name) => isName.test(name));
    const entries = names.map(async (name) => {
      const stats = await lstat(join(this.folder, name)).catch(() => null);
      return stats?.isFile() ? [{ name, updatedAt: stats.mtime.toISOString() }] : [];
    });
    return (await Promise.all(entries)).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** False when there is none. Throws INVALID_INPUT, STATE_UNWRITABLE. */
  async delete(name: string): Promise<boolean> {
    const file = this.fileOf(name);
    const isThere = (await lstat(file).catch(() => null)) !== null;
    await rm(file, { force: true }).catch((error) => {
      throw unwritable(file, error);
    });
    return isThere;
  }

  /** Reads all values, so that they are redacted. Unreadable ones are skipped. */
  async load(): Promise<void> {
    for (const { name } of await this.list()) await this.get(name).catch(() => undefined);
  }

  /** Names with every value that this process has seen: a worker may still use one that was replaced. */
  *values(): Iterable<readonly [name: string, value: string]> {
    for (const [name, values] of this.#seen) for (const value of values) yield [name, value];
  }

  #remember(name: string, value: string): void {
    const values = this.#seen.get(name) ?? new Set();
    // The newest are kept.
    values.delete(value);
    values.add(value);
    for (const oldest of values) {
      if (values.size <= maxValues) break;
      values.delete(oldest);
    }
    this.#seen.set(name, values);
  }
}

/** Values per secret that are redacted at the same time. */
const maxValues = 8;

const checkName = (name: string): void => {
  if (new RegExp(secretNamePattern).test(name)) return;
  throw invalid(
    `the name of a secret`,
    `${JSON.stringify(name.slice(0, 80))} is not a valid name`,
    'use up to 63 letters, digits, _ and -, beginning with a letter or digit',
  );
};

/** The value itself is never part of the message. */
const checkValue = (name: string, value: string): void => {
  const what = `the value of secret ${name}`;
  if (value.length < minSecretLength)
    throw invalid(
      what,
      `it is shorter than ${minSecretLength} characters`,
      'use a longer one, which can be recognized in logs',
    );
  if (Buffer.byteLength(value) > maxSecretBytes)
    throw invalid(what, `it is larger than ${maxSecretBytes / 1024} KiB`, 'give a token or a key, not a file');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it searches for control characters.
  if (/[\u0000-\u001f\u007f]/.test(value))
    throw invalid(what, 'it has a line break or another control character', 'give one line of text');
  if (value.trim() !== value) throw invalid(what, 'it starts or ends with whitespace', 'give only the value');
};

const invalid = (what: string, problem: string, hint: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', { what, problem, hint });

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw RbeeError.of('FILE_UNREADABLE', { path: folder, problem: (error as Error).message }, { cause: error });
  }
};

/**
 * Null when it does not exist. The file that is checked is the one that is read: links are not followed, and it stays
 * open.
 */
const openPrivate = async (file: string): Promise<FileHandle | null> => {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw RbeeError.of('FILE_UNREADABLE', { path: file, problem: (error as Error).message }, { cause: error });
  }
  const problem = openness(await handle.stat());
  if (problem === undefined) return handle;
  await handle.close();
  throw RbeeError.of('FILE_NOT_PRIVATE', { path: file, problem, fix: `chmod 600 ${file}, and change the secret` });
};

const openness = (stats: Stats): string | undefined => {
  if (!stats.isFile()) return 'it is not a file';
  const me = process.getuid?.();
  if (me !== undefined && stats.uid !== me) return `it belongs to another user (uid ${stats.uid})`;
  const mode = stats.mode & 0o7777;
  return mode & 0o077 ? `other users can read or write it (mode 0${mode.toString(8)})` : undefined;
};

const readValue = async (handle: FileHandle, file: string): Promise<string> => {
  const buffer = Buffer.alloc(maxSecretBytes + 1);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  if (bytesRead <= maxSecretBytes) return buffer.toString('utf8', 0, bytesRead);
  throw RbeeError.of('FILE_UNREADABLE', { path: file, problem: 'it is larger than a secret may be' });
};
