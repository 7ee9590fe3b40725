/** The interface of an engine: it transcribes one window of sound. */
import type { Heard, TranscriptionRequest } from './transcript.ts';

export interface WindowRequest extends TranscriptionRequest {
  /** Whether this is the last window. */
  isLast: boolean;
  signal: AbortSignal;
}

export interface Recognised extends Heard {
  language: string;
  /** Seconds of the window that are done; the rest belongs to the next window. */
  consumed: number;
}

export interface Recogniser {
  /** Seconds per window. */
  readonly windowSeconds: number;
  /** Times are relative to the start of the window. */
  recognise(samples: Float32Array, request: WindowRequest): Promise<Recognised>;
  close(): Promise<void>;
}

/** A request that the engine or its model does not support, with a message for the client. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly param: string;

  constructor(message: string, param: string) {
    super(message);
    this.param = param;
  }
}
