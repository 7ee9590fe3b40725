/** Apple's Core Audio Format. */
import type { FileHandle } from 'node:fs/promises';
import { damaged } from '../audio-error.ts';
import { fourCharacterName } from '../codec-names.ts';
import { readAt } from '../file-bytes.ts';
import { isReadable, type PcmLayout } from '../pcm.ts';
import { type ChunkStyle, walkChunks } from './chunks.ts';
import type { Codec, SoundData } from './sound-data.ts';

export const readCaf = async (file: FileHandle): Promise<SoundData> => {
  let description: Pick<SoundData, 'rate' | 'channels' | 'codec'> | undefined;
  for await (const { id, start, size } of walkChunks(file, 8, style)) {
    if (id === 'desc') description = describe(await readAt(file, start, 32));
    if (id !== 'data') continue;
    if (description === undefined) throw damaged('caf', 'its sound comes before its description');
    // An edit count precedes the sound.
    return { ...description, start: start + 4, length: size < 4 ? undefined : size - 4 };
  }
  throw damaged('caf', 'it has no data chunk: no sound');
};

/** A size of -1 means until the end of the file. */
const style: ChunkStyle = {
  headBytes: 12,
  readHead: (head) => ({ id: head.toString('latin1', 0, 4), size: Number(head.readBigInt64BE(4)) }),
  alignment: 1,
};

const describe = (chunk: Buffer): Pick<SoundData, 'rate' | 'channels' | 'codec'> => {
  if (chunk.length < 32) throw damaged('caf', 'its desc chunk is cut off');
  const rate = chunk.readDoubleBE(0);
  const channels = chunk.readUInt32BE(24);
  if (channels < 1 || channels > 64) throw damaged('caf', `it claims ${channels} channels`);
  const code = chunk.toString('latin1', 8, 12);
  return { rate, channels, codec: codecOf(code, { chunk, rate, channels }) };
};

interface Facts {
  chunk: Buffer;
  rate: number;
  channels: number;
}

const codecOf = (code: string, { chunk, rate, channels }: Facts): Codec => {
  const [flags, packetBytes, bits] = [chunk.readUInt32BE(12), chunk.readUInt32BE(16), chunk.readUInt32BE(28)];
  const pcm = (sample: PcmLayout['sample'], bytes: number): Codec => {
    const layout = { sample, bytes, bigEndian: (flags & 2) === 0, channels };
    return isReadable(layout)
      ? { kind: 'pcm', layout }
      : { kind: 'unsupported', name: `PCM with a bit depth of ${bits}` };
  };
  switch (code) {
    case 'lpcm':
      return pcm(flags & 1 ? 'float' : 'signed', (packetBytes || channels * Math.ceil(bits / 8)) / channels);
    case 'alaw':
      return pcm('alaw', 1);
    case 'ulaw':
      return pcm('mulaw', 1);
    case 'ima4':
      return ima4(rate, channels);
    case '.mp1':
    case '.mp2':
    case '.mp3':
      return { kind: 'packed', decoder: 'mp3', head: Buffer.alloc(0) };
    case 'ac-3':
      return { kind: 'packed', decoder: 'ac3', head: Buffer.alloc(0) };
    default:
      return { kind: 'unsupported', name: fourCharacterName(code) };
  }
};

/** Apple's ADPCM. AIFF has it too, but the decoder for AIFF swaps its nibbles, so both are read as CAF. */
export const ima4 = (rate: number, channels: number): Codec => {
  const head = Buffer.alloc(68);
  head.write('caff\0\x01\0\0desc', 0, 'latin1');
  head.writeBigInt64BE(32n, 12);
  head.writeDoubleBE(rate, 20);
  head.write('ima4', 28, 'latin1');
  head.writeUInt32BE(34 * channels, 36);
  head.writeUInt32BE(64, 40);
  head.writeUInt32BE(channels, 44);
  head.write('data', 52, 'latin1');
  head.writeBigInt64BE(-1n, 56);
  return { kind: 'packed', decoder: 'caf', head };
};
