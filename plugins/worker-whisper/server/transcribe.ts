/** Transcribes a file in windows. Each starts where the complete sentences of the last one ended. */
import { AudioError } from './audio-error.ts';
import { sampleRate } from './decode-audio.ts';
import type { Recogniser } from './recogniser.ts';
import type { Heard, Segment, Transcribed, TranscriptionRequest, Word } from './transcript.ts';
import type { Windows } from './windows.ts';

export interface Listener {
  signal: AbortSignal;
  /** Called with each finished window; `seconds` of the sound are done. */
  onHeard(heard: Heard, seconds: number): void;
}

const minSeconds = 0.1;
/** Quieter than any speech: an engine would only invent text. */
const silenceBelow = 1e-4;
/** Minimum progress after a window without text. */
const minStepSeconds = 1;

export const transcribe = async (
  recogniser: Recogniser,
  windows: Windows,
  request: TranscriptionRequest,
  { signal, onHeard }: Listener,
): Promise<Transcribed> => {
  const windowSamples = Math.round(recogniser.windowSeconds * sampleRate);
  let { language } = request;
  let behind = 0;
  for (;;) {
    signal.throwIfAborted();
    const { samples, isLast } = await windows.peek(windowSamples);
    const length = samples.length / sampleRate;
    if (length < minSeconds) {
      if (behind === 0) throw tooShort(length);
      return { language, seconds: behind + length };
    }
    let heard: Heard = { segments: [], words: [] };
    let consumed = length;
    if (!isSilent(samples)) {
      const recognised = await recogniser.recognise(samples, { ...request, language, isLast, signal });
      language ??= recognised.segments.length > 0 ? recognised.language : null;
      consumed = Math.min(length, Math.max(recognised.consumed, minStepSeconds));
      heard = shifted(recognised, behind, length);
    }
    windows.skip(Math.round(consumed * sampleRate));
    behind += consumed;
    signal.throwIfAborted();
    onHeard(heard, behind);
    if (isLast && consumed === length) return { language, seconds: behind };
  }
};

const tooShort = (seconds: number) =>
  new AudioError('audio_too_short', `the audio is ${seconds.toFixed(2)} seconds long; the minimum is ${minSeconds}`);

const isSilent = (samples: Float32Array) => samples.every((sample) => Math.abs(sample) < silenceBelow);

/** Makes times relative to the start of the file, and clamps them to the window. */
const shifted = ({ segments, words }: Heard, by: number, length: number): Heard => {
  const place = <Timed extends Segment | Word>(one: Timed): Timed => {
    const start = Math.min(one.start, length);
    return { ...one, start: rounded(by + start), end: rounded(by + Math.max(start, Math.min(one.end, length))) };
  };
  return { segments: segments.map(place), words: words.map(place) };
};

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;
