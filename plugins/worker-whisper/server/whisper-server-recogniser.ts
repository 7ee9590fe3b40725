/** whisper.cpp's `whisper-server` as the engine: sends it each window as a WAV file. */
import { compressionRatio } from './compression.ts';
import { sampleRate } from './decode-audio.ts';
import { languageCode } from './languages.ts';
import type { Recogniser } from './recogniser.ts';
import type { Segment, Word } from './transcript.ts';
import { toWav } from './wav.ts';

export interface WhisperServerOptions {
  /** Address of its inference path. */
  url: string;
  chunkSeconds: number;
  temperatureFallback: boolean;
}

/** Its own window is 30 s; with longer input, its segments fit together better. */
const minWindowSeconds = 30;

interface Answer {
  language?: string;
  detected_language?: string;
  segments?: {
    text: string;
    start: number;
    end: number;
    tokens?: number[];
    words?: { word: string; start: number; end: number }[];
    temperature?: number;
    avg_logprob?: number;
    no_speech_prob?: number;
  }[];
}

export const createWhisperServerRecogniser = (options: WhisperServerOptions): Recogniser => ({
  windowSeconds: Math.max(minWindowSeconds, options.chunkSeconds),
  recognise: async (samples, { task, language, prompt, temperature, words, isLast, signal }) => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(toWav(samples, sampleRate))]), 'sound.wav');
    const fields = {
      response_format: 'verbose_json',
      language: language ?? 'auto',
      translate: String(task === 'translate'),
      prompt,
      temperature: String(temperature),
      temperature_inc: options.temperatureFallback && temperature === 0 ? '0.2' : '0',
      token_timestamps: String(words),
      // This needs another run of the encoder.
      no_language_probabilities: 'true',
    };
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    const response = await fetch(options.url, { method: 'POST', body: form, signal });
    const text = await response.text();
    if (!response.ok) {
      // It replaces the bodies of all its errors by the same sentence; the reason is in its log.
      throw new Error(`whisper-server answered ${response.status}: ${text.trim().slice(0, 200)}`);
    }
    const { segments = [], ...answer } = JSON.parse(text) as Answer;
    const heard = segments.map((segment): Segment & { words: Word[] } => ({
      start: segment.start,
      end: segment.end,
      text: segment.text,
      tokens: segment.tokens ?? [],
      temperature: segment.temperature ?? temperature,
      avgLogprob: segment.avg_logprob ?? 0,
      compressionRatio: compressionRatio(segment.text),
      noSpeechProb: segment.no_speech_prob ?? 0,
      words: (segment.words ?? [])
        .map(({ word, start, end }) => ({ word: word.trim(), start, end }))
        .filter(({ word }) => word !== '' && !/^\[_\w+_?\]$/.test(word)),
    }));
    const whole = samples.length / sampleRate;
    // The window can end within a sentence, so the last segment goes into the next window again.
    const kept = isLast || heard.length < 2 ? heard : heard.slice(0, -1);
    return {
      language: languageCode(answer.detected_language ?? answer.language ?? '') ?? language ?? 'en',
      segments: kept.map(({ words: _, ...segment }) => segment),
      words: words ? kept.flatMap((segment) => segment.words) : [],
      consumed: kept.length === heard.length ? whole : (kept.at(-1)?.end ?? whole),
    };
  },
  close: async () => {},
});
