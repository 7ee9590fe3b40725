/** What an engine has to be able to do for the image API, and what it is asked for. */

/** Red, green and blue of each pixel, row by row, 0 to 255. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** Everything that one picture is made from. */
export interface PictureOrder {
  prompt: string;
  negative: string;
  /** Pixels, multiples of 8. */
  width: number;
  height: number;
  steps: number;
  /** How far to go from the negative prompt to the prompt; 1 and less asks the model for the prompt alone. */
  guidance: number;
  /** A whole number from 0 to 2^53 - 1. */
  seed: number;
  /** One of the engine's; the model's own when absent. */
  sampler?: string;
  /** Where to begin, in place of noise alone. */
  from?: StartingPicture;
}

export interface StartingPicture {
  /** Of the size that is drawn. */
  picture: Picture;
  /** How much of it may change, 0 to 1. */
  strength: number;
  /** For each pixel 255 where it may change and 0 where not; everywhere when absent. */
  mask?: Uint8Array;
}

/** Steps that are really taken: a picture that may change little begins late. */
export const stepsOf = ({ steps, from }: Pick<PictureOrder, 'steps' | 'from'>): number =>
  from === undefined ? steps : Math.min(steps, Math.max(1, Math.round(steps * from.strength)));

export interface PaintHooks {
  /** Fires when the client has left. */
  signal: AbortSignal;
  /** Steps after which a preview is wanted, if the engine can make one. */
  previewAt: ReadonlySet<number>;
  /** Called after each step that is taken, counted from 1. */
  onStep(step: number, preview?: Picture): void;
  /** Something that is worth a line of the log. */
  note(text: string): void;
}

/** An engine that is ready to draw. It is given one picture at a time. */
export interface Painter {
  readonly facts: PainterFacts;
  /** Rejects with the signal's reason when that fires, and not before the engine has stopped drawing. */
  paint(order: PictureOrder, hooks: PaintHooks): Promise<Picture>;
  close(): Promise<void>;
}

export interface PainterFacts {
  /** Edge of the picture for which no size is asked, in pixels. */
  size: number;
  /** Where a request does not say. */
  steps: number;
  guidance: number;
  samplers: readonly string[];
  /** Pictures can be begun from others. */
  canEdit: boolean;
  /** More about the model, for its entry in the list of models. */
  about: Readonly<Record<string, unknown>>;
}
