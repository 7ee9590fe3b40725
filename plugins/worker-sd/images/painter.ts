/** The interface between the image API and an engine. */

/** Red, green and blue of each pixel, row by row, from 0 to 255. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** Everything that determines one image. */
export interface PictureOrder {
  prompt: string;
  negative: string;
  /** Pixels, multiples of 8. */
  width: number;
  height: number;
  steps: number;
  /** How far to move from the negative prompt towards the prompt; at 1 or less, only the prompt is used. */
  guidance: number;
  /** A whole number from 0 to 2^53 - 1. */
  seed: number;
  /** One of the engine's samplers; if absent, the model's own. */
  sampler?: string;
  /** The image to start from, instead of pure noise. */
  from?: StartingPicture;
}

export interface StartingPicture {
  /** In the size of the result. */
  picture: Picture;
  /** How much of it can change, 0 to 1. */
  strength: number;
  /** 255 for each pixel that can change, otherwise 0; if absent, all can change. */
  mask?: Uint8Array;
}

/** The number of steps really taken: an edit with low strength starts late. */
export const stepsOf = ({ steps, from }: Pick<PictureOrder, 'steps' | 'from'>): number =>
  from === undefined ? steps : Math.min(steps, Math.max(1, Math.round(steps * from.strength)));

export interface PaintHooks {
  /** Fires when the client disconnects. */
  signal: AbortSignal;
  /** Steps after which to send a preview, if the engine supports it. */
  previewAt: ReadonlySet<number>;
  /** Called after each step, counted from 1. */
  onStep(step: number, preview?: Picture): void;
  /** Writes a line to the log. */
  note(text: string): void;
}

/** An engine that is ready to draw. It draws one image at a time. */
export interface Painter {
  readonly facts: PainterFacts;
  /** Rejects with the signal's reason when it fires, but only once the engine has stopped drawing. */
  paint(order: PictureOrder, hooks: PaintHooks): Promise<Picture>;
  close(): Promise<void>;
}

export interface PainterFacts {
  /** Default edge of an image in pixels. */
  size: number;
  /** Defaults for requests. */
  steps: number;
  guidance: number;
  samplers: readonly string[];
  /** Whether it can edit images. */
  canEdit: boolean;
  /** Extra fields for the model's entry in the list of models. */
  about: Readonly<Record<string, unknown>>;
}
