/** Reads what a person answers to a job's question, and passes it to the queen. */
import { createInterface } from 'node:readline';
import type { NarrationEvent } from '../contract/narration.ts';
import type { QueenClient } from '../queen/client/index.ts';

/** The question itself has been printed. Ends without an answer when stdin ends. */
export const ask = async (
  queen: QueenClient,
  job: string,
  event: Extract<NarrationEvent, { kind: 'ask' }>,
): Promise<void> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  try {
    const answer = await new Promise<string | undefined>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(undefined));
      // The terminal is read key by key here: Ctrl-C arrives as one of them.
      lines.once('SIGINT', () => {
        resolve(undefined);
        process.kill(process.pid, 'SIGINT');
      });
    });
    if (answer !== undefined) await queen.answerJob(job, event.id, answer.trim());
  } finally {
    lines.close();
    process.stdin.unref();
  }
};
