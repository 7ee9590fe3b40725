/** Decodes an audio file for Whisper: mono, 16 kHz, in pieces, never all of it in memory. */
import { open } from 'node:fs/promises';
import { AudioError } from './audio-error.ts';
import { openSound, type Sound } from './open-sound.ts';
import { createResampler, type Resampler } from './resampler.ts';

/** Output samples per second. */
export const sampleRate = 16_000;

export interface Decoding {
  samples: AsyncIterable<Float32Array>;
  /** Share of the file that was read, 0 to 1. */
  progress(): number;
  /** A problem that does not stop the file from being read. */
  warning: string | undefined;
  /** Closes the file. */
  close(): Promise<void>;
}

/** Throws an `AudioError`, at once or midway, if the file is not audio, is damaged, or has an unknown codec. */
export const decodeAudio = async (path: string): Promise<Decoding> => {
  const file = await open(path, 'r');
  try {
    const sound = await openSound(file);
    return {
      samples: convert(sound),
      progress: sound.progress,
      warning: sound.warning,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
};

async function* convert({ pieces, format }: Sound): AsyncGenerator<Float32Array> {
  let resampler: Resampler | undefined;
  let rate = 0;
  let samples = 0;
  try {
    for await (const { channelData, sampleRate: decodedRate } of pieces) {
      const mono = mix(channelData);
      // The rate can change within a stream, as in chained Ogg files.
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
  if (samples === 0)
    throw new AudioError('audio_unreadable', `the ${format} file contains no sound that can be decoded`);
}

const checkedRate = (rate: number): number => {
  // Old Macs recorded at 22254.5 Hz.
  if (rate >= 1000 && rate <= 768_000) return Math.round(rate);
  throw new AudioError('audio_unreadable', `the file claims a sampling rate of ${rate} Hz`);
};

/** The mean of the channels; NaN counts as silence. */
const mix = (channels: readonly Float32Array[]): Float32Array => {
  const [first = new Float32Array(0)] = channels;
  const mono = new Float32Array(first.length);
  for (const channel of channels) {
    for (let at = 0; at < mono.length; at += 1) mono[at] = (mono[at] ?? 0) + (channel[at] ?? 0) / channels.length;
  }
  for (let at = 0; at < mono.length; at += 1) if (!Number.isFinite(mono[at])) mono[at] = 0;
  return mono;
};
