/** Generates sound files for tests. */
import { toWav } from '../server/wav.ts';

/** A sine of `hertz`, as a WAV file. */
export const toneWav = (seconds: number, { hertz = 440, rate = 16_000, level = 0.4 } = {}): Buffer =>
  toWav(tone(seconds, { hertz, rate, level }), rate);

export const tone = (seconds: number, { hertz = 440, rate = 16_000, level = 0.4 } = {}): Float32Array =>
  Float32Array.from(
    { length: Math.round(seconds * rate) },
    (_, at) => level * Math.sin((2 * Math.PI * hertz * at) / rate),
  );

export const silentWav = (seconds: number): Buffer => toWav(new Float32Array(Math.round(seconds * 16_000)), 16_000);

/**
 * A FLAC file at 16 kHz, in which each second is one level from -1 to 1 and takes fourteen bytes, so that hours fit into a
 * request. To Whisper, a level is a hum.
 */
export const levelsFlac = (levels: Iterable<number>): Buffer => {
  const frames = Array.from(levels, (level, number) => frame(number, Math.round(level * 32_767)));
  return Buffer.concat([Buffer.from('fLaC'), streamInfo(frames.length), ...frames]);
};

const rate = 16_000;

const streamInfo = (seconds: number) => {
  const block = Buffer.alloc(38);
  // The last block of metadata, and its length.
  block.writeUInt32BE(0x80_00_00_00 + 34, 0);
  block.writeUInt16BE(rate, 4);
  block.writeUInt16BE(rate, 6);
  // Rate, one channel, 16 bits, and the number of samples.
  const facts = (BigInt(rate) << 44n) | (15n << 36n) | BigInt(seconds * rate);
  block.writeBigUInt64BE(facts, 14);
  return block;
};

const frame = (number: number, value: number) => {
  // Block size in two bytes at the end of the header, 16 kHz, mono, 16 bits.
  const head = Buffer.from([0xff, 0xf8, 0x75, 0x08, ...codedNumber(number), (rate - 1) >> 8, (rate - 1) & 0xff]);
  const sound = Buffer.alloc(3);
  sound.writeInt16BE(value, 1);
  const body = Buffer.concat([head, Buffer.of(crc(head, 8, 0x07)), sound]);
  const end = Buffer.alloc(2);
  end.writeUInt16BE(crc(body, 16, 0x8005), 0);
  return Buffer.concat([body, end]);
};

/** Encodes a number like a code point in UTF-8. */
const codedNumber = (number: number): number[] => [...Buffer.from(String.fromCodePoint(number))];

const crc = (bytes: Buffer, width: 8 | 16, polynomial: number): number => {
  const top = 1 << (width - 1);
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit += 1) sum = sum & top ? (sum << 1) ^ polynomial : sum << 1;
    sum &= (1 << width) - 1;
  }
  return sum;
};
