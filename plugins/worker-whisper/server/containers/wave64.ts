/** Sony Wave64: WAV with GUIDs for names and 64 bits for sizes. */
import type { FileHandle } from 'node:fs/promises';
import { damaged } from '../audio-error.ts';
import { readAt } from '../file-bytes.ts';
import { type ChunkStyle, walkChunks } from './chunks.ts';
import type { SoundData } from './sound-data.ts';
import { maxFormatBytes, readWaveFormat, type WaveFormat } from './wave-format.ts';

export const readWave64 = async (file: FileHandle): Promise<SoundData> => {
  let format: WaveFormat | undefined;
  for await (const { id, start, size } of walkChunks(file, 40, style)) {
    if (id === 'fmt ') format = readWaveFormat(await readAt(file, start, Math.min(Math.max(0, size), maxFormatBytes)));
    if (id !== 'data') continue;
    if (format === undefined) throw damaged('w64', 'its sound comes before its format');
    return { ...format, start, length: size > 0 && size < Number.MAX_SAFE_INTEGER ? size : undefined };
  }
  throw damaged('w64', 'it has no data chunk: no sound');
};

/** The sizes include the chunk's header. */
const style: ChunkStyle = {
  headBytes: 24,
  readHead: (head) => ({ id: head.toString('latin1', 0, 4), size: Number(head.readBigUInt64LE(16)) - 24 }),
  alignment: 8,
};
