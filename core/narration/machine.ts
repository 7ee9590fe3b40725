/** Narration for programs: one JSON object per line. */
import type { JobEvent, NarrationEvent } from '../contract/api/narration.ts';
import type { Screen } from './screen.ts';

/** Writes each event as one line of JSON. */
export const printForMachines =
  (screen: Screen) =>
  (event: NarrationEvent | JobEvent): void =>
    screen.json(event);
