/** AU, the `.snd` of Sun and NeXT. */
import type { FileHandle } from 'node:fs/promises';
import { damaged } from '../audio-error.ts';
import { readAt } from '../file-bytes.ts';
import type { PcmLayout } from '../pcm.ts';
import type { Codec, SoundData } from './sound-data.ts';

export const readAu = async (file: FileHandle): Promise<SoundData> => {
  const head = await readAt(file, 0, 24);
  if (head.length < 24) throw damaged('au', 'its head is cut off');
  // "dns." marks a little-endian file.
  const bigEndian = head.toString('latin1', 0, 4) === '.snd';
  const u32 = (at: number) => (bigEndian ? head.readUInt32BE(at) : head.readUInt32LE(at));
  const [start, size, encoding, rate, channels] = [u32(4), u32(8), u32(12), u32(16), u32(20)];
  if (channels < 1 || channels > 64) throw damaged('au', `it claims ${channels} channels`);
  const length = size === 0xffff_ffff || size === 0 ? undefined : size;
  return { rate, channels, codec: codecOf(encoding, bigEndian, channels), start, length };
};

const codecOf = (encoding: number, bigEndian: boolean, channels: number): Codec => {
  const known = layouts.get(encoding);
  if (known !== undefined) return { kind: 'pcm', layout: { ...known, bigEndian, channels } };
  return { kind: 'unsupported', name: names.get(encoding) ?? `encoding ${encoding}` };
};

const layouts = new Map<number, Pick<PcmLayout, 'sample' | 'bytes'>>([
  [1, { sample: 'mulaw', bytes: 1 }],
  [2, { sample: 'signed', bytes: 1 }],
  [3, { sample: 'signed', bytes: 2 }],
  [4, { sample: 'signed', bytes: 3 }],
  [5, { sample: 'signed', bytes: 4 }],
  [6, { sample: 'float', bytes: 4 }],
  [7, { sample: 'float', bytes: 8 }],
  [27, { sample: 'alaw', bytes: 1 }],
]);

const names = new Map([
  [23, 'G.721 ADPCM'],
  [24, 'G.722 ADPCM'],
  [25, 'G.723 ADPCM'],
  [26, 'G.723 ADPCM'],
]);
