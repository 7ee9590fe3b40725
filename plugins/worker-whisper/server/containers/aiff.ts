/** AIFF and AIFC. */
import type { FileHandle } from 'node:fs/promises';
import { damaged } from '../audio-error.ts';
import { fourCharacterName } from '../codec-names.ts';
import { readAt } from '../file-bytes.ts';
import { isReadable, type PcmLayout } from '../pcm.ts';
import { ima4 } from './caf.ts';
import { type ChunkStyle, walkChunks } from './chunks.ts';
import type { Codec, SoundData } from './sound-data.ts';

/** The two chunks can come in either order. */
export const readAiff = async (file: FileHandle): Promise<SoundData> => {
  let common: Buffer | undefined;
  let sound: Pick<SoundData, 'start' | 'length'> | undefined;
  for await (const { id, start, size } of walkChunks(file, 12, style)) {
    if (id === 'COMM') common = await readAt(file, start, Math.min(size, 22));
    if (id === 'SSND') sound = await readSound(file, start, size);
    if (common !== undefined && sound !== undefined) break;
  }
  if (common === undefined || common.length < 18) throw damaged('aiff', 'it has no COMM chunk');
  if (sound === undefined) throw damaged('aiff', 'it has no SSND chunk: no sound');
  const channels = common.readUInt16BE(0);
  if (channels < 1 || channels > 64) throw damaged('aiff', `it claims ${channels} channels`);
  const bits = common.readUInt16BE(6);
  const rate = readExtended(common.subarray(8, 18));
  const code = common.length < 22 ? 'NONE' : common.toString('latin1', 18, 22);
  return { ...sound, rate, channels, codec: codecOf(code, bits, channels, rate) };
};

const style: ChunkStyle = {
  headBytes: 8,
  readHead: (head) => ({ id: head.toString('latin1', 0, 4), size: head.readUInt32BE(4) }),
  alignment: 2,
};

const readSound = async (
  file: FileHandle,
  start: number,
  size: number,
): Promise<Pick<SoundData, 'start' | 'length'>> => {
  const head = await readAt(file, start, 8);
  const offset = head.length < 8 ? 0 : head.readUInt32BE(0);
  const isOpen = size <= 8 || size >= 0x7fff_f000;
  return { start: start + 8 + offset, length: isOpen ? undefined : Math.max(0, size - 8 - offset) };
};

const codecOf = (code: string, bits: number, channels: number, rate: number): Codec => {
  const pcm = (sample: PcmLayout['sample'], bytes: number, bigEndian = true): Codec => {
    const layout = { sample, bytes, bigEndian, channels };
    return isReadable(layout)
      ? { kind: 'pcm', layout }
      : { kind: 'unsupported', name: `PCM with a bit depth of ${bits}` };
  };
  const whole = Math.ceil(bits / 8);
  switch (code.toLowerCase()) {
    case 'none':
    case 'twos':
      return pcm('signed', whole);
    case 'sowt':
      return pcm('signed', whole, false);
    case 'raw ':
      return pcm('unsigned', whole);
    case 'in24':
      return pcm('signed', 3);
    case 'in32':
      return pcm('signed', 4);
    case 'fl32':
      return pcm('float', 4);
    case 'fl64':
      return pcm('float', 8);
    case 'alaw':
      return pcm('alaw', 1);
    case 'ulaw':
      return pcm('mulaw', 1);
    case 'ima4':
      return ima4(rate, channels);
    default:
      return { kind: 'unsupported', name: fourCharacterName(code) };
  }
};

/** An 80-bit floating-point number. */
const readExtended = (bytes: Buffer): number => {
  const exponent = (bytes.readUInt16BE(0) & 0x7fff) - 16_383;
  return (bytes.readUInt32BE(2) / 2 ** 31 + bytes.readUInt32BE(6) / 2 ** 63) * 2 ** exponent;
};
