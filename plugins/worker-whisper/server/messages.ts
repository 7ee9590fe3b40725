/** What the HTTP server and an engine process tell each other. */
import type { Heard, Transcribed, TranscriptionRequest } from './transcript.ts';

/** How an engine process is started, as JSON in its first argument. */
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
  /** Sends the sound on to a whisper-server at this address. */
  | { kind: 'whisper-server'; url: string; chunkSeconds: number; temperatureFallback: boolean };

export type ToEngine = { kind: 'transcribe'; path: string; request: TranscriptionRequest } | { kind: 'cancel' };

export type FromEngine =
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready' }
  /** The last word of one that cannot start. */
  | { kind: 'failed'; exitCode: number; message: string }
  /** A fault of the file that does not stop it from being read. */
  | { kind: 'warning'; message: string }
  /** A window was heard; so many seconds are done, and so much of the file (0 to 1). */
  | { kind: 'heard'; heard: Heard; seconds: number; share: number }
  | { kind: 'done'; transcribed: Transcribed }
  /** The file or the request is at fault. */
  | { kind: 'refused'; message: string; param: string; code: string }
  | { kind: 'cancelled' }
  /** Something else went wrong with this request. */
  | { kind: 'broken'; message: string };
