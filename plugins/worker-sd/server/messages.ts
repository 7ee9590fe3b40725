/** What the program and the thread that draws tell each other. */
import type { PainterFacts, Picture, PictureOrder } from '../images/painter.ts';

/** How the thread is started. */
export interface ThreadData {
  model: string;
  /** Where onnxruntime computes. */
  provider: string;
  threads: number;
  /** One number: the last drawing that was cancelled. The busy thread reads it between two steps. */
  cancelled: Int32Array<SharedArrayBuffer>;
}

/** To the thread: what to draw. `id` is a number above all before it. */
export interface DrawMessage {
  id: number;
  order: PictureOrder;
  previewAt: ReadonlySet<number>;
}

export type ThreadMessage =
  | { kind: 'loading'; fraction: number }
  | { kind: 'ready'; facts: PainterFacts }
  /** It cannot start; the sentence and the exit code that say why. */
  | { kind: 'failed'; exitCode: number; message: string }
  | { kind: 'note'; text: string }
  | { kind: 'step'; id: number; step: number; preview?: Picture }
  | { kind: 'drawn'; id: number; picture: Picture }
  | { kind: 'stopped'; id: number }
  | { kind: 'broken'; id: number; message: string };
