/** Narration and cancellation of one request. */
import type { Narrate } from '../../contract/api/narration.ts';

export interface Call {
  narrate: Narrate;
  signal: AbortSignal;
}
