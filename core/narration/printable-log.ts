/** Where a daemon logs to: its lines are JSON, and harmless when the file is shown on a terminal. */
import { printableJsonText } from './printable.ts';
import type { TextSink } from './screen.ts';

export const printableLog = (sink: TextSink): TextSink => ({
  write: (line) => sink.write(printableJsonText(line)),
});
