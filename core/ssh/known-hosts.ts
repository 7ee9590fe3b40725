/** OpenSSH's known_hosts files: reads and extends them like OpenSSH. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { appendFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { makeFolder } from '../lifecycle/fs/atomic-file.ts';

export interface KnownKey {
  /** `ssh-ed25519`, `ssh-rsa`, … */
  type: string;
  /** The key in wire format, base64. */
  key: string;
  revoked: boolean;
}

/** The known keys of a host, given as in the file: `name`, or `[name]:port`. */
export const readKnownKeys = async (files: readonly string[], knownAs: string): Promise<KnownKey[]> => {
  const texts = await Promise.all(files.map((file) => readKnownHosts(file)));
  return texts.flatMap((text) => text.split('\n').flatMap((line) => parseLine(line, knownAs)));
};

/** Adds a key. `hashNames` is OpenSSH's HashKnownHosts. */
export const addKnownKey = async (
  file: string,
  { knownAs, key, hashNames }: { knownAs: string; key: Buffer; hashNames: boolean },
): Promise<void> => {
  await makeFolder(dirname(file));
  const name = hashNames ? hashed(knownAs, randomBytes(20)) : knownAs;
  const line = `${name} ${keyType(key)} ${key.toString('base64')}\n`;
  const there = await stat(file).catch(() => null);
  // Writing to a pipe would block until it is read.
  if (there && !there.isFile()) throw new Error(`${file} is not a regular file`);
  const text = await readKnownHosts(file);
  const broken = text !== '' && !text.endsWith('\n');
  await appendFile(file, broken ? `\n${line}` : line, there ? undefined : { mode: 0o600 });
};

/** An unreadable file counts as empty. */
const readKnownHosts = (file: string): Promise<string> =>
  readSmallFile(file, { maxBytes: 16 * 2 ** 20 }).catch(() => '');

/** In the format of `ssh-keygen -l`. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** A key begins with its own type. */
export const keyType = (key: Buffer): string => {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return key.toString('latin1', 4, 4 + Math.min(length, 64));
};

const parseLine = (line: string, knownAs: string): KnownKey[] => {
  const fields = line.trim().split(/\s+/);
  if (fields[0] === undefined || fields[0] === '' || fields[0].startsWith('#')) return [];
  const marker = fields[0].startsWith('@') ? fields.shift() : undefined;
  // Certificate authorities are skipped, because host certificates are not supported.
  if (marker === '@cert-authority') return [];
  const [hosts = '', type = '', key = ''] = fields;
  return matches(hosts, knownAs.toLowerCase()) ? [{ type, key, revoked: marker === '@revoked' }] : [];
};

const matches = (hosts: string, knownAs: string): boolean => {
  if (hosts.startsWith('|1|')) return isHashOf(hosts, knownAs);
  let found = false;
  for (const pattern of hosts.split(',')) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern).test(knownAs)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
};

const wildcard = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .toLowerCase()
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );

const isHashOf = (text: string, name: string): boolean => {
  const [, , salt = '', expected = ''] = text.split('|');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  const wanted = Buffer.from(expected, 'base64');
  return wanted.length === actual.length && timingSafeEqual(wanted, actual);
};

const hashed = (name: string, salt: Buffer): string =>
  `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
