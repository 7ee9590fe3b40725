/** Requests to an engine and its answers. Times are seconds from the start of the file. */

export type Task = 'transcribe' | 'translate';

export interface TranscriptionRequest {
  task: Task;
  /** Code such as `de`; null to detect it. */
  language: string | null;
  /** Preceding text, as an example of spelling and style; can be empty. */
  prompt: string;
  /** 0 to 1. At 0, the engine raises it if it gets stuck. */
  temperature: number;
  /** Whether to return word times. */
  words: boolean;
}

export interface Segment {
  start: number;
  end: number;
  /** With a leading space, if any. */
  text: string;
  tokens: readonly number[];
  temperature: number;
  /** Mean log probability of the tokens. */
  avgLogprob: number;
  /** Compression ratio of its text; high for repetitive text. */
  compressionRatio: number;
  /** 0 to 1. */
  noSpeechProb: number;
}

export interface Word {
  word: string;
  start: number;
  end: number;
}

/** The transcript of one window. */
export interface Heard {
  segments: readonly Segment[];
  words: readonly Word[];
}

export interface Transcribed {
  /** Code of the spoken language; null if nothing was said. */
  language: string | null;
  /** Length of the sound in seconds. */
  seconds: number;
}
