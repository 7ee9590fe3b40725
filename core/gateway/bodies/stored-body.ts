/** A body that is too large to be kept in memory. */
import type { Readable } from 'node:stream';
import type { ScannedBody } from '../model-name/model-name.ts';

export interface StoredBody extends ScannedBody {
  /** Reads it from the start; can be called again for another attempt. */
  read(): Readable;
}
