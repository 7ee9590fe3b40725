/** Reads a person's answer to a question of a job, at the terminal. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Question } from './conversation.ts';
import { typedText } from './screens.ts';

/** Undefined when stdin ends, Ctrl-C is pressed, or the answer is no longer needed. */
export const ask = async ({ secret }: Question, show: () => void, signal: AbortSignal): Promise<string | undefined> => {
  if (signal.aborted) return undefined;
  // Switches to raw mode before anything else, so that not even the first keys are echoed.
  const output = secret ? unseen() : typedText();
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  const leave = () => lines.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    show();
    const answer = await new Promise<string | undefined>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(undefined));
      // Ctrl-C arrives as one of the keys.
      lines.once('SIGINT', () => {
        resolve(undefined);
        process.kill(process.pid, 'SIGINT');
      });
    });
    // Blanks around a passphrase are part of it.
    return secret ? answer : answer?.trim();
  } finally {
    signal.removeEventListener('abort', leave);
    lines.close();
    process.stdin.unref();
  }
};

const unseen = (): Writable => new Writable({ write: (_, __, done) => done() });
