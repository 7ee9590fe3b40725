/** Looking for the model's name in a body that arrives in pieces, none of which is kept. */
import { RbeeError } from '../../contract/errors.ts';

export interface ModelScan {
  /** Pieces in their order. What is in them may be overwritten afterwards. Throws INVALID_INPUT. */
  push(piece: Buffer): void;
  /** After the last one: the name, undefined where there is none. Throws INVALID_INPUT for a broken body. */
  end(): string | undefined;
}

/** Bytes of a name, or of a field's head, that are looked at. */
export const mostNameBytes = 16 * 1024;

export const invalidBody = (problem: string, cause?: unknown): RbeeError =>
  RbeeError.of(
    'INVALID_INPUT',
    { what: 'the request body', problem, hint: 'send a JSON object or a multipart form' },
    { cause },
  );
