/** Where a daemon logs to: its lines are JSON, and harmless to whoever looks at the file itself. */
import { printableJsonText } from './printable.ts';
import type { TextSink } from './screen.ts';

export const printableLog = (sink: TextSink): TextSink => ({
  write: (line) => sink.write(printableJsonText(line)),
});
