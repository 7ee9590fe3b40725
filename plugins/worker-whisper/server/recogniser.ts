/** What an engine does: it understands one window of sound. */
import type { Heard, TranscriptionRequest } from './transcript.ts';

export interface WindowRequest extends TranscriptionRequest {
  /** No sound follows the window. */
  isLast: boolean;
  signal: AbortSignal;
}

export interface Recognised extends Heard {
  language: string;
  /** Seconds of the window that are done; the rest is heard again with what follows. */
  consumed: number;
}

export interface Recogniser {
  /** Seconds of sound that it takes at once. */
  readonly windowSeconds: number;
  /** Times of what it gives count from the beginning of the window. */
  recognise(samples: Float32Array, request: WindowRequest): Promise<Recognised>;
  close(): Promise<void>;
}

/** A wish that the engine or its model cannot fulfil, in words for the one who asked. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly param: string;

  constructor(message: string, param: string) {
    super(message);
    this.param = param;
  }
}
