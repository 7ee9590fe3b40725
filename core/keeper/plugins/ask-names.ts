/** Asks the author of a new plugin for details that were not given on the command line. */
import { createInterface } from 'node:readline/promises';
import { RbeeError } from '../../contract/errors.ts';
import { printable } from '../../narration/printable.ts';
import { typedText } from '../terminal/screens.ts';

export interface Question {
  text: string;
  /** Used if the answer is empty. */
  default: string;
  /** The only valid answers, if they are limited. */
  choices?: readonly string[];
  /** Why an answer is invalid. */
  problem?: (answer: string) => string | undefined;
}

/** The answers in order. A question is repeated until its answer is valid. Errors: CANCELLED when the terminal closes. */
export const askAll = async (questions: readonly Question[]): Promise<string[]> => {
  const lines = createInterface({ input: process.stdin, output: typedText() });
  const closed = new AbortController();
  lines.once('close', () => closed.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    const answers: string[] = [];
    for (const question of questions)
      answers.push(await askOne(question, (text) => lines.question(printable(text), closed)));
    return answers;
  } catch (error) {
    if (closed.signal.aborted) throw RbeeError.of('CANCELLED', { what: 'the new plugin' }, { cause: error });
    throw error;
  } finally {
    lines.close();
  }
};

const askOne = async (
  { text, default: fallback, choices, problem }: Question,
  ask: (text: string) => Promise<string>,
): Promise<string> => {
  const among = choices ? ` [${choices.join(', ')}]` : '';
  for (;;) {
    const answer = (await ask(`${text}${among} (${fallback || 'none'}): `)).trim() || fallback;
    const wrong = choices && !choices.includes(answer) ? `choose one of ${choices.join(', ')}` : problem?.(answer);
    if (wrong === undefined) return answer;
    typedText().write(`  ${printable(wrong)}\n`);
  }
};
