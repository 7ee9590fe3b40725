/** Polls data, and shows it again when it has changed, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Screen } from '../narration/screen.ts';
import { cutText, type Terminal } from '../narration/text.ts';
import { catchInterrupts } from './terminal/interrupts.ts';
import { exitCodes } from './terminal/report.ts';

const pauseMs = 1_000;

export interface Looked<Data> {
  data: Data;
  /** The part that must change for the data to be shown again in a pipe; ages and loads always change. */
  key: string;
}

/**
 * Shows the data with `format`, or as one line of JSON without it. Redraws a terminal; in a pipe, prints each version
 * below the one before. Throws what `look` throws.
 */
export const watchData = async <Data>(
  look: (signal: AbortSignal) => Promise<Looked<Data>>,
  screen: Screen,
  format: ((data: Data, terminal: Terminal) => string) | undefined,
): Promise<void> => {
  const interrupts = catchInterrupts(() => {
    process.exitCode = exitCodes.interrupted;
  });
  const { signal } = interrupts;
  let last: string | undefined;
  try {
    while (!signal.aborted) {
      const { data, key } = await look(signal);
      if (format && screen.terminal.live) {
        screen.move('clear screen');
        screen.show(data, (shown, terminal) => fitting(format(shown, terminal), terminal));
      } else if (key !== last) {
        if (format) screen.show(data, format);
        else screen.json(data);
      }
      last = key;
      await sleep(pauseMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interrupts.stop();
  }
};

/** Lines that do not fit would scroll the beginning out of view. */
const fitting = (text: string, terminal: Terminal): string => {
  const lines = text.split('\n');
  if (lines.length <= terminal.rows) return text;
  const left = cutText(`… ${lines.length - terminal.rows + 1} lines more`, terminal.width, terminal);
  return [...lines.slice(0, terminal.rows - 1), left].join('\n');
};
