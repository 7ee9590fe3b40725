/** WAV: RIFF, its big-endian form RIFX, and RF64 and BW64 for files of more than four gigabytes. */
import type { FileHandle } from 'node:fs/promises';
import { damaged } from '../audio-error.ts';
import { readAt } from '../file-bytes.ts';
import { type ChunkStyle, walkChunks } from './chunks.ts';
import type { SoundData } from './sound-data.ts';
import { maxFormatBytes, readWaveFormat, type WaveFormat } from './wave-format.ts';

export const readRiff = async (file: FileHandle): Promise<SoundData> => {
  const head = await readAt(file, 0, 12);
  const bigEndian = head.toString('latin1', 0, 4) === 'RIFX';
  let format: WaveFormat | undefined;
  let largeSize: number | undefined;
  for await (const { id, start, size } of walkChunks(file, 12, bigEndian ? bigStyle : littleStyle)) {
    if (id === 'ds64') largeSize = await readDs64(file, start);
    if (id === 'fmt ') format = readWaveFormat(await readAt(file, start, Math.min(size, maxFormatBytes)), bigEndian);
    if (id !== 'data') continue;
    if (format === undefined) throw damaged('wav', 'its sound comes before its format');
    const total = bigEndian ? head.readUInt32BE(4) : head.readUInt32LE(4);
    const isEmpty = size === 0 && total + 8 === (await file.stat()).size;
    return { ...format, start, length: isEmpty ? 0 : promised(size, largeSize) };
  }
  throw format === undefined ? damaged('wav', 'it has no fmt chunk') : damaged('wav', 'it has no data chunk: no sound');
};

const littleStyle: ChunkStyle = {
  headBytes: 8,
  readHead: (head) => ({ id: head.toString('latin1', 0, 4), size: head.readUInt32LE(4) }),
  alignment: 2,
};
const bigStyle: ChunkStyle = {
  headBytes: 8,
  readHead: (head) => ({ id: head.toString('latin1', 0, 4), size: head.readUInt32BE(4) }),
  alignment: 2,
};

/** A recorder that cannot seek writes zero, all ones or, like sox, nearly two gigabytes as the size. */
const promised = (size: number, largeSize: number | undefined): number | undefined => {
  if (size === 0xffff_ffff && largeSize !== undefined) return largeSize === 0 ? undefined : largeSize;
  return size === 0 || size >= 0x7fff_f000 ? undefined : size;
};

/** The size of `data` if it needs more than 32 bits. */
const readDs64 = async (file: FileHandle, start: number): Promise<number | undefined> => {
  const chunk = await readAt(file, start, 16);
  return chunk.length < 16 ? undefined : Number(chunk.readBigUInt64LE(8));
};
