/** Looking for the model's name in a body that arrives in pieces, none of which is kept. */
import { RbeeError } from '../../contract/errors.ts';

export interface ModelScan {
  /** Pieces in their order. What is in them may be overwritten afterwards. Throws INVALID_INPUT. */
  push(piece: Buffer): void;
  /** After the last one: the name, undefined where there is none. Throws INVALID_INPUT for a broken body. */
  end(): string | undefined;
  /** The body may name another model behind the first: only a thorough scan of all of it can tell. */
  readonly isUnsure: boolean;
}

/** `thorough`: reads a body to its end. Otherwise it only looks there for a text that could be a second name. */
export type Thoroughness = 'quick' | 'thorough';

/** Bytes of a name, or of a field's head, that are looked at. */
export const mostNameBytes = 16 * 1024;

/** Engines take the first or the last of two names, so only one is passed on. */
export const givenTwice = (): RbeeError => invalidBody('model is given twice');

export const invalidBody = (problem: string, cause?: unknown): RbeeError =>
  RbeeError.of(
    'INVALID_INPUT',
    { what: 'the request body', problem, hint: 'send a JSON object or a multipart form' },
    { cause },
  );
