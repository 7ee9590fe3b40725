/** Iterates over the chunks of RIFF, AIFF, Wave64 and CAF files. */
import type { FileHandle } from 'node:fs/promises';
import { AudioError } from '../audio-error.ts';
import { readAt } from '../file-bytes.ts';

export interface Chunk {
  id: string;
  /** Offset of its contents. */
  start: number;
  /** From its header; the file can end earlier. */
  size: number;
}

export interface ChunkStyle {
  headBytes: number;
  /** Reads name and size. */
  readHead(head: Buffer): { id: string; size: number };
  /** Chunks start at multiples of this. */
  alignment: number;
}

/** Real recordings have a few dozen; reading a file of empty chunks could take hours. */
const maxChunks = 1000;

export async function* walkChunks(file: FileHandle, from: number, style: ChunkStyle): AsyncGenerator<Chunk> {
  let at = from;
  for (let count = 0; ; count += 1) {
    const head = await readAt(file, at, style.headBytes);
    if (head.length < style.headBytes) return;
    if (count === maxChunks) throw new AudioError('audio_unreadable', 'the file is damaged: it has too many chunks');
    const { id, size } = style.readHead(head);
    const start = at + style.headBytes;
    yield { id, start, size };
    at = await endOf(file, start + Math.max(0, size), style.alignment);
  }
}

/** Some programs omit the pad byte after an odd chunk: then the next chunk follows directly. */
const endOf = async (file: FileHandle, end: number, alignment: number): Promise<number> => {
  if (alignment !== 2 || end % 2 === 0) return Math.ceil(end / alignment) * alignment;
  const next = (await readAt(file, end, 4)).toString('latin1');
  return /^[\x20-\x7e]{4}$/.test(next) ? end : end + 1;
};
