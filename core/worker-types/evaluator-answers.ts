/**
 * Reads the answers of a plugin's process, as untrusted input. They are lines of JSON on a pipe: over Node's own IPC
 * channel, a plugin could send internal Node messages that crash the daemon.
 */
import type { Readable } from 'node:stream';
import type { EvaluatorAnswer } from './evaluator-child.ts';

/** Maximum bytes of all answers between two calls; a description has a few thousand. */
const maxBytes = 4 * 1024 ** 2;

export interface AnswerReader {
  /** Resets the byte limit for a new call. */
  expect(): void;
}

/**
 * Passes each answer to `take`. Calls `fault` once, with a message, for an invalid answer, and reads nothing after
 * that.
 */
export const readAnswers = (
  stream: Readable,
  take: (answer: EvaluatorAnswer) => void,
  fault: (problem: string) => void,
): AnswerReader => {
  let left = maxBytes;
  let rest: string[] = [];
  const give = (line: string): void => {
    const answer = parse(line);
    if (answer) take(answer);
    else refuse('it sent an unexpected answer');
  };
  const refuse = (problem: string): void => {
    stream.removeAllListeners('data').destroy();
    fault(problem);
  };
  const hear = (text: string): void => {
    left -= text.length;
    if (left < 0) refuse(`its answers are larger than ${maxBytes / 1024 ** 2} MiB`);
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
      left = maxBytes;
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
