/** Who waits for something, and until when. */
import type { Narrate } from '../../contract/narration.ts';

export interface Call {
  narrate: Narrate;
  signal: AbortSignal;
}
