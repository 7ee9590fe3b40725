/** The log of a daemon: lines of JSON that are safe to show on a terminal. */
import { printableJsonText } from './printable.ts';
import type { TextSink } from './screen.ts';

export const printableLog = (sink: TextSink): TextSink => ({
  write: (line) => sink.write(printableJsonText(line)),
});
