/** What files are, told by looking at them or by reading them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { PackEntry } from '../archives/pack.ts';

/** Tells whether anything has changed, without reading it. */
export const fingerprint = async (entries: readonly PackEntry[]): Promise<string> => {
  const looks = entries.map(async (one) => {
    if (one.kind !== 'file') return JSON.stringify(one);
    const { size, mtimeMs } = await stat(one.file);
    return JSON.stringify([one.path, one.file, one.executable, size, mtimeMs]);
  });
  return hashOf(await Promise.all(looks)).slice(0, 16);
};

/** SHA-256 over names and contents: the same wherever the files lie. */
export const contentsOf = async (entries: readonly PackEntry[]): Promise<string> => {
  const texts: string[] = [];
  for (const one of entries) {
    if (one.kind === 'file') texts.push(JSON.stringify([one.path, one.executable, await fileHash(one.file)]));
    else texts.push(JSON.stringify(one));
  }
  return hashOf(texts);
};

const hashOf = (texts: string[]): string => createHash('sha256').update(texts.sort().join('\n')).digest('hex');

const fileHash = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};
