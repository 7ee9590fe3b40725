/** Looks for the model's name in a body that arrives in pieces, without keeping them. */
import { RbeeError } from '../../contract/errors.ts';

export interface ModelScan {
  /** The next piece, which may be overwritten afterwards. Throws INVALID_INPUT. */
  push(piece: Buffer): void;
  /** After the last piece: the name, undefined if there is none. Throws INVALID_INPUT for a malformed body. */
  end(): string | undefined;
  /** Where the name is in the body, once it has been found: its first byte, and the one after its last. */
  readonly span: Span | undefined;
  /** The body may name a second model after the first; only a thorough scan can tell. */
  readonly isUnsure: boolean;
}

export type Span = readonly [start: number, end: number];

/** `thorough` parses the body to its end; `quick` only searches the rest for text that could name a second model. */
export type Thoroughness = 'quick' | 'thorough';

/** Max size of a model's name, and of the headers of a form field. */
export const maxNameBytes = 16 * 1024;

/** Some engines use the first of two names and some the last, so two are refused. */
export const givenTwice = (): RbeeError => invalidBody('model is given twice', { param: 'model' });

export const invalidBody = (problem: string, options: { cause?: unknown; param?: string } = {}): RbeeError =>
  RbeeError.of(
    'INVALID_INPUT',
    { what: 'the request body', problem, hint: 'send a JSON object or a multipart form' },
    options,
  );
