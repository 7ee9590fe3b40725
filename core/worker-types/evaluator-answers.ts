/**
 * What comes back from the process of a plugin, read with suspicion. Lines of JSON on a pipe: over a channel of Node's
 * own a plugin could send messages that the Node of the daemon takes for its own, and that it fails of.
 */
import type { Readable } from 'node:stream';
import type { EvaluatorAnswer } from './evaluator-child.ts';

/** Bytes of all answers between one call and the next; a description has some thousands. */
const mostBytes = 4 * 1024 ** 2;

export interface AnswerReader {
  /** Something is asked: as many bytes again may come. */
  expect(): void;
}

/** Gives each answer to `take`. `fault` hears once, in words, of what is no answer; nothing is read after that. */
export const readAnswers = (
  stream: Readable,
  take: (answer: EvaluatorAnswer) => void,
  fault: (problem: string) => void,
): AnswerReader => {
  let left = mostBytes;
  let rest: string[] = [];
  const give = (line: string): void => {
    const answer = parse(line);
    if (answer) take(answer);
    else refuse('it answers something else than what was asked');
  };
  const refuse = (problem: string): void => {
    stream.removeAllListeners('data').destroy();
    fault(problem);
  };
  const hear = (text: string): void => {
    left -= text.length;
    if (left < 0) refuse(`it answers with more than ${mostBytes / 1024 ** 2} MiB`);
    const [first = '', ...lines] = text.split('\n');
    rest.push(first);
    for (const line of lines) {
      if (stream.destroyed) return;
      const whole = rest.join('');
      rest = [line];
      give(whole);
    }
  };
  stream.setEncoding('utf8').on('data', hear);
  stream.on('error', () => {});
  return {
    expect: () => {
      left = mostBytes;
    },
  };
};

const parse = (line: string): EvaluatorAnswer | null => {
  try {
    const answer = JSON.parse(line) as Partial<EvaluatorAnswer> | null;
    if (typeof answer !== 'object' || answer === null || typeof answer.id !== 'number') return null;
    if ('error' in answer) return { id: answer.id, error: String(answer.error) };
    return 'value' in answer ? { id: answer.id, value: answer.value } : null;
  } catch {
    return null;
  }
};
