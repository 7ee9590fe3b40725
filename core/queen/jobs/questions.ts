/** Open questions of a job, and their answers. */
import { randomBytes } from 'node:crypto';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';

interface Question {
  question: string;
  choices?: readonly string[];
  /** Do not echo the answer. */
  secret?: boolean;
}

interface Open {
  choices: readonly string[] | undefined;
  settle: (answer: string) => void;
}

export type AskEvent = Extract<NarrationEvent, { kind: 'ask' }>;

export class Questions {
  readonly #job: string;
  readonly #open = new Map<string, Open>();

  constructor(job: string) {
    this.#job = job;
  }

  /** Sends the question as an `ask` event and waits for its answer, or until aborted. */
  ask({ question, choices, secret }: Question, tell: (event: AskEvent) => void, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      // Ids cannot be guessed, so only a question that was really asked can be answered.
      const id = `ask-${randomBytes(12).toString('hex')}`;
      const abort = () => {
        this.#open.delete(id);
        reject(signal.reason);
      };
      const settle = (answer: string) => {
        signal.removeEventListener('abort', abort);
        resolve(answer);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#open.set(id, { choices, settle });
      tell({ kind: 'ask', id, question, ...(choices && { choices }), ...(secret && { secret }) });
    });
  }

  /** Throws INVALID_INPUT for an unknown id, or an answer that is not one of the choices. */
  answer(id: string, answer: string): void {
    const invalid = (problem: string, hint: string) =>
      RbeeError.of('INVALID_INPUT', { what: `the answer to job ${this.#job}`, problem, hint });
    const open = this.#open.get(id);
    if (!open) {
      const hint = 'send the id of an ask event of this job that has no answer yet';
      throw invalid('it asked no question with this id, or that one has an answer', hint);
    }
    if (open.choices && !open.choices.includes(answer)) {
      throw invalid('it is not one of the choices', `answer one of: ${open.choices.join(', ')}`);
    }
    this.#open.delete(id);
    open.settle(answer);
  }
}
