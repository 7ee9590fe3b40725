/** Messages between the program and the drawing thread. */
import type { PainterFacts, Picture, PictureOrder } from '../images/painter.ts';

/** The thread's start data. */
export interface ThreadData {
  model: string;
  /** onnxruntime's provider. */
  provider: string;
  threads: number;
  /** Holds the id of the last cancelled drawing. The busy thread reads it between steps. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

/** To the thread: what to draw. Each `id` is higher than the last. */
export interface DrawMessage {
  id: number;
  order: PictureOrder;
  previewAt: ReadonlySet<number>;
}

export type ThreadMessage =
  | { kind: 'loading'; fraction: number }
  | { kind: 'ready'; facts: PainterFacts }
  /** It cannot start: the message and the exit code. */
  | { kind: 'failed'; exitCode: number; message: string }
  | { kind: 'note'; text: string }
  | { kind: 'step'; id: number; step: number; preview?: Picture }
  | { kind: 'drawn'; id: number; picture: Picture }
  | { kind: 'stopped'; id: number }
  | { kind: 'broken'; id: number; message: string };
