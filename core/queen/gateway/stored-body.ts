/** A body that is too large to be kept in memory. */
import type { Readable } from 'node:stream';

export interface StoredBody {
  /** In bytes. */
  readonly length: number;
  /** The model that it names. Throws INVALID_INPUT when it is broken. */
  model(): Promise<string | undefined>;
  /** From its first byte, as often as it is wanted. */
  read(): Readable;
}
