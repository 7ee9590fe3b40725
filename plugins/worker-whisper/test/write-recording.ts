/** Writes recordings in every width and container that we read without the library. */

export const encodings = ['u8', 's8', 's16', 's24', 's32', 's64', 'f32', 'f64', 'alaw', 'mulaw'] as const;
export type Encoding = (typeof encodings)[number];

export const containers = ['riff', 'extensible', 'rifx', 'rf64', 'bw64', 'w64', 'aiff', 'aifc', 'caf', 'au'] as const;
export type Container = (typeof containers)[number];

export interface Recording {
  /** One per channel, all of the same length. */
  channels: readonly Float32Array[];
  rate: number;
  encoding: Encoding;
}

/** Tolerance per sample. */
export const tolerance = (encoding: Encoding, sample: number): number => {
  switch (encoding) {
    case 'f32':
    case 'f64':
      return 0;
    case 'alaw':
    case 'mulaw':
      return 0.001 + Math.abs(sample) / 32;
    default:
      // For wider samples, the error is a Float32's rounding.
      return 0.5 / 2 ** (Math.min(24, bitsOf(encoding)) - 1) + 1e-7;
  }
};

/** The file, or undefined if the container has no such encoding. */
export const writeRecording = (container: Container, recording: Recording): Buffer | undefined => {
  switch (container) {
    case 'riff':
    case 'extensible':
    case 'rf64':
    case 'bw64':
      return isOneOf(recording, 's8') ? undefined : riff(container, recording);
    case 'rifx':
      return isOneOf(recording, 's8') ? undefined : rifx(recording);
    case 'w64':
      return isOneOf(recording, 's8') ? undefined : wave64(recording);
    case 'aiff':
    case 'aifc':
      return aiff(container, recording);
    case 'caf':
      return isOneOf(recording, 'u8', 's64') ? undefined : caf(recording);
    case 'au':
      return au(recording);
  }
};

const isOneOf = ({ encoding }: Recording, ...some: Encoding[]) => some.includes(encoding);

export const chunk = (id: string, content: Buffer, { size = content.length, pad = true } = {}): Buffer => {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, content, Buffer.alloc(pad ? content.length % 2 : 0)]);
};

/** A RIFF file of these chunks. */
export const riffOf = (
  chunks: readonly Buffer[],
  { id = 'RIFF', size }: { id?: string; size?: number } = {},
): Buffer => {
  const content = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return chunk(id, content, { size: size ?? content.length });
};

export const formatChunk = (recording: Recording): Buffer => chunk('fmt ', waveFormat(recording, false));

const tags: Partial<Record<Encoding, number>> = { f32: 3, f64: 3, alaw: 6, mulaw: 7 };

const waveFormat = ({ channels, rate, encoding }: Recording, bigEndian: boolean): Buffer => {
  const format = Buffer.alloc(16);
  const frame = (bitsOf(encoding) / 8) * channels.length;
  for (const [at, value] of [
    [0, tags[encoding] ?? 1],
    [2, channels.length],
    [12, frame],
    [14, bitsOf(encoding)],
  ] as const) {
    if (bigEndian) format.writeUInt16BE(value, at);
    else format.writeUInt16LE(value, at);
  }
  for (const [at, value] of [
    [4, rate],
    [8, rate * frame],
  ] as const) {
    if (bigEndian) format.writeUInt32BE(value, at);
    else format.writeUInt32LE(value, at);
  }
  return format;
};

const riff = (container: 'riff' | 'extensible' | 'rf64' | 'bw64', recording: Recording): Buffer => {
  const data = samplesOf(recording, false);
  if (container === 'riff') return riffOf([formatChunk(recording), chunk('data', data)]);
  const format = waveFormat(recording, false);
  const extension = Buffer.alloc(24);
  extension.writeUInt16LE(22, 0);
  extension.writeUInt16LE(bitsOf(recording.encoding), 2);
  extension.writeUInt16LE(format.readUInt16LE(0), 8);
  extension.write('000000001000800000aa00389b71', 10, 'hex');
  format.writeUInt16LE(0xfffe, 0);
  const extensible = chunk('fmt ', Buffer.concat([format, extension]));
  if (container === 'extensible') return riffOf([extensible, chunk('data', data)]);
  const sizes = Buffer.alloc(28);
  sizes.writeBigUInt64LE(BigInt(data.length), 8);
  return riffOf([chunk('ds64', sizes), extensible, chunk('data', data, { size: 0xffff_ffff })], {
    id: container.toUpperCase(),
    size: 0xffff_ffff,
  });
};

const bigChunk = (id: string, content: Buffer): Buffer => {
  const bytes = chunk(id, content);
  bytes.writeUInt32BE(content.length, 4);
  return bytes;
};

const rifx = (recording: Recording): Buffer =>
  bigChunk(
    'RIFX',
    Buffer.concat([
      Buffer.from('WAVE'),
      bigChunk('fmt ', waveFormat(recording, true)),
      bigChunk('data', samplesOf(recording, true)),
    ]),
  );

const wave64 = (recording: Recording): Buffer => {
  const part = (id: string, content: Buffer, guid = 'f3acd3118cd100c04f8edb8a') => {
    const head = Buffer.alloc(24);
    head.write(id, 0, 'latin1');
    head.write(guid, 4, 'hex');
    head.writeBigUInt64LE(BigInt(24 + content.length), 16);
    return Buffer.concat([head, content, Buffer.alloc((8 - (content.length % 8)) % 8)]);
  };
  const content = Buffer.concat([
    Buffer.from('wave'),
    Buffer.from('f3acd3118cd100c04f8edb8a', 'hex'),
    part('fact', Buffer.alloc(9)),
    part('fmt ', waveFormat(recording, false)),
    part('data', samplesOf(recording, false)),
  ]);
  return part('riff', content, '2e91cf11a5d628db04c10000');
};

const aifcCodes: Partial<Record<Encoding, string>> = {
  u8: 'raw ',
  s16: 'sowt',
  f32: 'fl32',
  f64: 'fl64',
  alaw: 'alaw',
  mulaw: 'ulaw',
};

const aiff = (container: 'aiff' | 'aifc', recording: Recording): Buffer | undefined => {
  const { channels, rate, encoding } = recording;
  const code = aifcCodes[encoding];
  if (encoding === 's64' || (container === 'aiff' && code !== undefined && encoding !== 's16')) return undefined;
  const common = Buffer.alloc(container === 'aiff' ? 18 : 24);
  common.writeUInt16BE(channels.length, 0);
  common.writeUInt32BE(channels[0]?.length ?? 0, 2);
  common.writeUInt16BE(bitsOf(encoding), 6);
  const exponent = Math.floor(Math.log2(rate));
  common.writeUInt16BE(16_383 + exponent, 8);
  common.writeUInt32BE(rate * 2 ** (31 - exponent), 10);
  if (container === 'aifc') common.write(code ?? 'NONE', 18, 'latin1');
  const sound = Buffer.concat([Buffer.alloc(8), samplesOf(recording, container === 'aiff' || code !== 'sowt')]);
  return bigChunk(
    'FORM',
    Buffer.concat([
      Buffer.from(container.toUpperCase()),
      bigChunk('NAME', Buffer.from('odd')),
      bigChunk('SSND', sound),
      bigChunk('COMM', common),
    ]),
  );
};

const caf = (recording: Recording): Buffer => {
  const { channels, rate, encoding } = recording;
  const part = (id: string, content: Buffer, size = content.length) => {
    const head = Buffer.alloc(12);
    head.write(id, 0, 'latin1');
    head.writeBigInt64BE(BigInt(size), 4);
    return Buffer.concat([head, content]);
  };
  const isLaw = encoding === 'alaw' || encoding === 'mulaw';
  const description = Buffer.alloc(32);
  description.writeDoubleBE(rate, 0);
  description.write(encoding === 'alaw' ? 'alaw' : isLaw ? 'ulaw' : 'lpcm', 8, 'latin1');
  // Flags: float, little-endian.
  description.writeUInt32BE((encoding.startsWith('f') ? 1 : 0) + (encoding === 's24' ? 2 : 0), 12);
  description.writeUInt32BE((bitsOf(encoding) / 8) * channels.length, 16);
  description.writeUInt32BE(1, 20);
  description.writeUInt32BE(channels.length, 24);
  description.writeUInt32BE(bitsOf(encoding), 28);
  const sound = Buffer.concat([Buffer.alloc(4), samplesOf(recording, encoding !== 's24')]);
  return Buffer.concat([
    Buffer.from('caff\0\x01\0\0', 'latin1'),
    part('desc', description),
    part('free', Buffer.alloc(3)),
    part('data', sound, -1),
  ]);
};

const auCodes: Partial<Record<Encoding, number>> = {
  mulaw: 1,
  s8: 2,
  s16: 3,
  s24: 4,
  s32: 5,
  f32: 6,
  f64: 7,
  alaw: 27,
};

const au = (recording: Recording): Buffer | undefined => {
  const code = auCodes[recording.encoding];
  if (code === undefined) return undefined;
  const head = Buffer.alloc(32);
  head.write('.snd', 0, 'latin1');
  [head.length, 0xffff_ffff, code, recording.rate, recording.channels.length].forEach((value, at) => {
    head.writeUInt32BE(value, 4 + at * 4);
  });
  return Buffer.concat([head, samplesOf(recording, true)]);
};

const bitsOf = (encoding: Encoding): number => (encoding.endsWith('law') ? 8 : Number(encoding.slice(1)));

/** Interleaves the samples of all channels. */
export const samplesOf = ({ channels, encoding }: Recording, bigEndian: boolean): Buffer => {
  const bytes = bitsOf(encoding) / 8;
  const length = channels[0]?.length ?? 0;
  const data = Buffer.alloc(bytes * channels.length * length);
  channels.forEach((samples, channel) => {
    samples.forEach((sample, at) => {
      const one = data.subarray((at * channels.length + channel) * bytes).subarray(0, bytes);
      writeSample(one, encoding, sample);
      if (bigEndian) one.reverse();
    });
  });
  return data;
};

const writeSample = (one: Buffer, encoding: Encoding, sample: number) => {
  const whole = (bits: number) =>
    Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, Math.round(sample * 2 ** (bits - 1))));
  switch (encoding) {
    case 'u8':
      return one.writeUInt8(whole(8) + 128);
    case 's64':
      return one.writeBigInt64LE(BigInt(whole(32)) << 32n);
    case 'f32':
      return one.writeFloatLE(sample);
    case 'f64':
      return one.writeDoubleLE(sample);
    case 'alaw':
      return one.writeUInt8(alawOf(whole(16)));
    case 'mulaw':
      return one.writeUInt8(mulawOf(whole(16)));
    default:
      return one.writeIntLE(whole(bitsOf(encoding)), 0, one.length);
  }
};

/** G.711: a sign, the position of the highest bit, and the next four bits. */
const alawOf = (sample: number): number => {
  const size = Math.min(32_767, Math.abs(sample)) >> 4;
  const exponent = size < 16 ? 0 : Math.floor(Math.log2(size)) - 3;
  const mantissa = (exponent === 0 ? size : size >> (exponent - 1)) & 15;
  return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
};

const mulawOf = (sample: number): number => {
  const size = Math.min(32_635, Math.abs(sample)) + 132;
  const exponent = Math.floor(Math.log2(size)) - 7;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 0xff;
};
