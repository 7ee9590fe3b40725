/** Walks the chunks of a file: named runs of bytes, one after another, as RIFF, AIFF, Wave64 and CAF have them. */
import type { FileHandle } from 'node:fs/promises';
import { AudioError } from '../audio-error.ts';
import { readAt } from '../file-bytes.ts';

export interface Chunk {
  id: string;
  /** Position of its content. */
  start: number;
  /** As stated in its head; the file may end earlier. */
  size: number;
}

export interface ChunkStyle {
  headBytes: number;
  /** Name and size of the content. */
  readHead(head: Buffer): { id: string; size: number };
  /** Chunks begin at multiples of it. */
  alignment: number;
}

/** A recording has a few dozen at most; a file made of empty chunks would be read for hours. */
const mostChunks = 1000;

export async function* walkChunks(file: FileHandle, from: number, style: ChunkStyle): AsyncGenerator<Chunk> {
  let at = from;
  for (let count = 0; ; count += 1) {
    const head = await readAt(file, at, style.headBytes);
    if (head.length < style.headBytes) return;
    if (count === mostChunks) throw new AudioError('audio_unreadable', 'the file is damaged: it has too many chunks');
    const { id, size } = style.readHead(head);
    const start = at + style.headBytes;
    yield { id, start, size };
    at = await endOf(file, start + Math.max(0, size), style.alignment);
  }
}

/** Some writers forget the pad byte after an odd chunk: then the name of the next chunk follows at once. */
const endOf = async (file: FileHandle, end: number, alignment: number): Promise<number> => {
  if (alignment !== 2 || end % 2 === 0) return Math.ceil(end / alignment) * alignment;
  const next = (await readAt(file, end, 4)).toString('latin1');
  return /^[\x20-\x7e]{4}$/.test(next) ? end : end + 1;
};
