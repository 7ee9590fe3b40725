/** The `fmt ` chunk, which WAV and Wave64 share: how the sound in `data` is coded. */
import { damaged } from '../audio-error.ts';
import { waveCodecName } from '../codec-names.ts';
import { isReadable, type PcmLayout } from '../pcm.ts';
import type { Codec } from './sound-data.ts';

export interface WaveFormat {
  rate: number;
  channels: number;
  codec: Codec;
}

/** No real format chunk is longer. */
export const maxFormatBytes = 4096;
const maxChannels = 64;

export const readWaveFormat = (chunk: Buffer, bigEndian = false): WaveFormat => {
  if (chunk.length < 14) throw damaged('wav', 'its fmt chunk is cut off');
  const u16 = (at: number) => (bigEndian ? chunk.readUInt16BE(at) : chunk.readUInt16LE(at));
  const channels = u16(2);
  if (channels < 1 || channels > maxChannels) throw damaged('wav', `it claims ${channels} channels`);
  const rate = bigEndian ? chunk.readUInt32BE(4) : chunk.readUInt32LE(4);
  const facts: Facts = {
    tag: u16(0),
    channels,
    align: u16(12),
    bits: chunk.length < 16 ? 8 : u16(14),
    bigEndian,
    chunk,
  };
  return { rate, channels, codec: facts.tag === 0xfffe ? extensibleCodec(facts) : codecOf(facts) };
};

interface Facts {
  tag: number;
  channels: number;
  /** Bytes per frame, or per block of a compressed format. */
  align: number;
  bits: number;
  bigEndian: boolean;
  chunk: Buffer;
}

/** A subformat is a GUID. With these endings, the second for ambisonics, it starts with a format tag. */
const tagged = ['000000001000800000aa00389b71', '00002107d3118644c8c1ca000000'];

const extensibleCodec = (facts: Facts): Codec => {
  if (facts.chunk.length < 40) throw damaged('wav', 'its fmt chunk is cut off');
  const guid = facts.chunk.subarray(24, 40);
  if (!tagged.includes(guid.toString('hex', 2)))
    return { kind: 'unsupported', name: `subformat ${guid.toString('hex')}` };
  return codecOf({ ...facts, tag: facts.bigEndian ? guid.readUInt16BE(2) : guid.readUInt16LE(0) });
};

const codecOf = (facts: Facts): Codec => {
  switch (facts.tag) {
    case 0x0001:
      return pcm(facts, facts.bits <= 8 ? 'unsigned' : 'signed');
    case 0x0003:
      return pcm(facts, 'float');
    case 0x0006:
      return pcm({ ...facts, bits: 8 }, 'alaw');
    case 0x0007:
      return pcm({ ...facts, bits: 8 }, 'mulaw');
    case 0x0002:
    case 0x0011:
      return adpcm(facts);
    case 0x0050:
    case 0x0055:
      return { kind: 'packed', decoder: 'mp3', head: Buffer.alloc(0) };
    case 0x1600:
      return { kind: 'packed', decoder: 'aac', head: Buffer.alloc(0) };
    case 0x2000:
      return { kind: 'packed', decoder: 'ac3', head: Buffer.alloc(0) };
    default:
      return { kind: 'unsupported', name: waveCodecName(facts.tag) };
  }
};

/** Samples of 12 or 20 bits are in the upper part of whole bytes. */
const pcm = ({ channels, align, bits, bigEndian }: Facts, sample: PcmLayout['sample']): Codec => {
  const bytes = align / channels;
  if (bytes < Math.ceil(bits / 8))
    throw damaged('wav', `a frame of ${align} bytes is too small for ${channels} channels of ${bits} bits`);
  const layout = { sample, bytes, bigEndian, channels };
  return isReadable(layout)
    ? { kind: 'pcm', layout }
    : { kind: 'unsupported', name: `PCM with a bit depth of ${bits}` };
};

/** The decoder allocates as many samples as the header claims, so check the claim against the block size. */
const adpcm = ({ tag, channels, align, chunk, bigEndian }: Facts): Codec => {
  const name = tag === 0x0002 ? 'Microsoft ADPCM' : 'IMA ADPCM';
  if (bigEndian || channels > 2) return { kind: 'unsupported', name: `${name} of ${channels} channels` };
  const samples = chunk.length < 20 ? 0 : chunk.readUInt16LE(18);
  const held = tag === 0x0002 ? 2 + ((align - 7 * channels) * 2) / channels : 1 + (align / channels - 4) * 2;
  if (held < 1 || samples > held) throw damaged('wav', `blocks of ${align} bytes do not hold ${samples} samples`);
  const head = Buffer.alloc(28);
  head.write('RIFF\xff\xff\xff\xffWAVEfmt ', 0, 'latin1');
  head.writeUInt32LE(chunk.length, 16);
  const data = head.subarray(20);
  data.write('data\xff\xff\xff\xff', 0, 'latin1');
  return { kind: 'packed', decoder: 'wav', head: Buffer.concat([head.subarray(0, 20), chunk, data]) };
};
