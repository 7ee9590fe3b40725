/** What is asked of an engine, and what it answers with. Times are seconds from the beginning of the file. */

export type Task = 'transcribe' | 'translate';

export interface TranscriptionRequest {
  task: Task;
  /** Code such as `de`; null to find out. */
  language: string | null;
  /** Text that comes before, for its spelling and style; may be empty. */
  prompt: string;
  /** 0 to 1. At 0 the engine raises it where it gets stuck. */
  temperature: number;
  /** Are the times of words wanted? */
  words: boolean;
}

export interface Segment {
  start: number;
  end: number;
  /** With the space before it, if there is one. */
  text: string;
  tokens: readonly number[];
  temperature: number;
  /** Mean logarithm of the tokens' probabilities. */
  avgLogprob: number;
  /** How much shorter its text gets by compression; a text that repeats itself gets much shorter. */
  compressionRatio: number;
  /** 0 to 1. */
  noSpeechProb: number;
}

export interface Word {
  word: string;
  start: number;
  end: number;
}

/** One window of the sound, understood. */
export interface Heard {
  segments: readonly Segment[];
  words: readonly Word[];
}

export interface Transcribed {
  /** Code of the language that was spoken; null when nothing was said. */
  language: string | null;
  /** Length of the sound in seconds. */
  seconds: number;
}
