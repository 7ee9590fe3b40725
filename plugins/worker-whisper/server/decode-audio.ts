/** An audio file as sound for Whisper, piece by piece: mono, 16 kHz, never the whole of it in memory. */
import { type FileHandle, open } from 'node:fs/promises';
import decode from 'audio-decode';
import { AudioError } from './audio-error.ts';
import { type AudioFormat, audioFormat, formatNames, headBytes } from './audio-format.ts';
import { readIndexFirst } from './faststart.ts';
import { cutOutsideHeads } from './flac-pieces.ts';
import { createResampler, type Resampler } from './resampler.ts';

/** Samples of a second of what comes out. */
export const sampleRate = 16_000;
/** Small, because silence may be packed two thousandfold: this much FLAC can be twenty minutes. */
const pieceBytes = 4096;

export interface Decoding {
  samples: AsyncIterable<Float32Array>;
  /** Share of the file that has been read, 0 to 1. */
  progress(): number;
  /** Lets go of the file. */
  close(): Promise<void>;
}

/** Throws an `AudioError`, at once or in the middle, when the file is not audio or is damaged. */
export const decodeAudio = async (path: string): Promise<Decoding> => {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(headBytes), position: 0 });
  const format = audioFormat(buffer.subarray(0, bytesRead));
  if (format === undefined) {
    await file.close();
    throw size === 0
      ? new AudioError('audio_empty', 'the file is empty')
      : new AudioError('audio_unknown_format', `the file is no audio that can be read here; these can: ${formatNames}`);
  }
  const claim = format === 'wav' ? wavProblem(buffer.subarray(0, bytesRead)) : undefined;
  if (claim !== undefined) {
    await file.close();
    throw new AudioError('audio_unreadable', `the wav file is damaged: ${claim}`);
  }
  let read = 0;
  const counted = async function* () {
    for await (const piece of readPieces(file, format)) {
      read += piece.length;
      yield piece;
    }
  };
  return {
    samples: convert(counted(), format),
    progress: () => Math.min(1, read / size),
    close: () => file.close(),
  };
};

/** A header that claims thousands of channels would cost gigabytes. */
const wavProblem = (head: Buffer): string | undefined => {
  const at = head.indexOf('fmt ', 12, 'latin1');
  if (at === -1 || head.length < at + 24) return undefined;
  const channels = head.readUInt16LE(at + 10);
  const [align, bits] = [head.readUInt16LE(at + 20), head.readUInt16LE(at + 22)];
  if (channels < 1 || channels > 64) return `it claims ${channels} channels`;
  return align < channels * Math.floor(bits / 8) ? `${align} bytes do not hold ${channels} channels` : undefined;
};

const readPieces = (file: FileHandle, format: AudioFormat): AsyncIterable<Uint8Array> => {
  if (format === 'm4a') return readIndexFirst(file, pieceBytes);
  const pieces = file.createReadStream({ start: 0, highWaterMark: pieceBytes, autoClose: false });
  return format === 'flac' ? cutOutsideHeads(pieces) : pieces;
};

async function* convert(source: AsyncIterable<Uint8Array>, format: AudioFormat): AsyncGenerator<Float32Array> {
  let resampler: Resampler | undefined;
  let rate = 0;
  let samples = 0;
  try {
    for await (const { channelData, sampleRate: decodedRate } of decode(source, format)) {
      const mono = mix(channelData);
      // A stream may go on at another rate, as chained Ogg files do.
      if (decodedRate !== rate) {
        if (resampler !== undefined) yield resampler.end();
        resampler = createResampler(checkedRate(decodedRate), sampleRate);
        rate = decodedRate;
      }
      samples += mono.length;
      if (resampler !== undefined) yield resampler.push(mono);
    }
    if (resampler !== undefined) yield resampler.end();
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    const where = samples === 0 ? '' : ` after ${(samples / rate).toFixed(1)} seconds`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError('audio_unreadable', `the ${format} file is damaged${where}: ${reason}`, { cause });
  }
  if (samples === 0) throw new AudioError('audio_unreadable', `the ${format} file holds no sound that can be decoded`);
}

const checkedRate = (rate: number): number => {
  if (Number.isInteger(rate) && rate >= 1000 && rate <= 768_000) return rate;
  throw new AudioError('audio_unreadable', `the file claims a sampling rate of ${rate} Hz`);
};

/** The mean of the channels; what is no number counts as silence. */
const mix = (channels: readonly Float32Array[]): Float32Array => {
  const [first = new Float32Array(0)] = channels;
  const mono = new Float32Array(first.length);
  for (const channel of channels) {
    for (let at = 0; at < mono.length; at += 1) mono[at] = (mono[at] ?? 0) + (channel[at] ?? 0) / channels.length;
  }
  for (let at = 0; at < mono.length; at += 1) if (!Number.isFinite(mono[at])) mono[at] = 0;
  return mono;
};
