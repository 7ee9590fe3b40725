/** Asks the person at the terminal for confirmation. */
import { createInterface } from 'node:readline/promises';
import { printable } from '../../narration/printable.ts';
import { typedText } from './screens.ts';

/** True only for a clear yes. Ctrl-C and end of input mean no. */
export const confirm = async (question: string): Promise<boolean> => {
  const lines = createInterface({ input: process.stdin, output: typedText() });
  const closed = new AbortController();
  lines.once('close', () => closed.abort());
  lines.once('SIGINT', () => {
    lines.close();
    process.kill(process.pid, 'SIGINT');
  });
  try {
    const answer = await lines.question(`${printable(question)} (yes or no) `, { signal: closed.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (closed.signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
};
