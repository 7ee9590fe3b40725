/** Messages between the HTTP server and an engine process. */
import type { Heard, Transcribed, TranscriptionRequest } from './transcript.ts';

/** The start data of an engine process, as JSON in its first argument. */
export type EngineStart =
  | {
      kind: 'onnx';
      folder: string;
      device: 'cpu' | 'cuda';
      dtype: string;
      threads: number;
      chunkSeconds: number;
      temperatureFallback: boolean;
    }
  /** Forwards the sound to a whisper-server at this address. */
  | { kind: 'whisper-server'; url: string; chunkSeconds: number; temperatureFallback: boolean };

export type ToEngine = { kind: 'transcribe'; path: string; request: TranscriptionRequest } | { kind: 'cancel' };

export type FromEngine =
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready' }
  /** Sent by an engine that cannot start. */
  | { kind: 'failed'; exitCode: number; message: string }
  /** A problem that does not stop the file from being read. */
  | { kind: 'warning'; message: string }
  /** A window was transcribed, with the seconds done and the share of the file (0 to 1). */
  | { kind: 'heard'; heard: Heard; seconds: number; share: number }
  | { kind: 'done'; transcribed: Transcribed }
  /** The file or the request is wrong. */
  | { kind: 'refused'; message: string; param: string; code: string }
  | { kind: 'cancelled' }
  /** The request failed for another reason. */
  | { kind: 'broken'; message: string };
