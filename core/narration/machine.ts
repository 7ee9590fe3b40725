/** Narration for programs: one JSON object a line. */
import type { JobEvent, NarrationEvent } from '../contract/narration.ts';

export interface LineSink {
  write(text: string): unknown;
}

/** Writes each event as it is, as one line of JSON. */
export const printForMachines =
  (sink: LineSink) =>
  (event: NarrationEvent | JobEvent): void => {
    sink.write(`${JSON.stringify(event)}\n`);
  };
