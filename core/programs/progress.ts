/** Reports a step of an installation, with throttled progress. */
import type { Narrate } from '../contract/api/narration.ts';

/** Milliseconds between two progress events of a step. */
const throttleMs = 200;

export type Progress = (done: number, total?: number, text?: string) => void;

export interface StepOptions {
  id: string;
  /** While it runs: "downloading llama-server". */
  text: string;
  /** After success: "downloaded llama-server". */
  done: string;
  unit?: string;
}

/** Runs `work` as a step. If it fails, the step stays open and the error is thrown. */
export const asStep = async <Result>(
  narrate: Narrate,
  { id, text, done, unit }: StepOptions,
  work: (progress: Progress) => Promise<Result>,
): Promise<Result> => {
  narrate({ kind: 'step', id, text });
  const began = performance.now();
  let next = 0;
  const progress: Progress = (amount, total, note) => {
    const now = performance.now();
    if (now < next && amount !== total) return;
    next = now + throttleMs;
    narrate({ kind: 'progress', id, done: amount, total, unit, text: note });
  };
  const result = await work(progress);
  narrate({ kind: 'done', id, text: done, ms: performance.now() - began });
  return result;
};
