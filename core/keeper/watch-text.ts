/** Something that is looked at again and again, and shown anew when it has changed, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Screen } from '../narration/people.ts';
import { cutText, type Terminal } from '../narration/text.ts';
import { catchInterrupts } from './interrupts.ts';
import { exitCodes } from './report.ts';

const pauseMs = 1_000;

export interface Looked {
  text: string;
  /** What has to change for the text to be worth another line in a pipe: ages and loads always do. */
  key: string;
}

/** With `redraw` what was shown is drawn over, in a pipe each version follows the one before. Throws what `look` throws. */
export const watchText = async (
  look: (signal: AbortSignal) => Promise<Looked>,
  { stream, terminal, redraw }: Screen & { redraw: boolean },
): Promise<void> => {
  const interrupts = catchInterrupts(() => {
    process.exitCode = exitCodes.interrupted;
  });
  const { signal } = interrupts;
  let last: string | undefined;
  try {
    while (!signal.aborted) {
      const { text, key } = await look(signal);
      if (redraw) stream.write(`${clear}${fitting(text, terminal)}`);
      else if (key !== last) stream.write(text);
      last = key;
      await sleep(pauseMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interrupts.stop();
  }
};

/** To the corner, and nothing below it. */
const clear = '\u001b[H\u001b[2J';

/** What does not fit would push the beginning out of sight. */
const fitting = (text: string, terminal: Terminal): string => {
  const lines = text.split('\n');
  if (lines.length <= terminal.rows) return text;
  const left = cutText(`… ${lines.length - terminal.rows + 1} lines more`, terminal.width, terminal);
  return [...lines.slice(0, terminal.rows - 1), left].join('\n');
};
