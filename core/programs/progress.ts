/** Steps of an installation as narration: one at a time, with progress that is not told more often than people look. */
import type { Narrate } from '../contract/narration.ts';

/** Milliseconds between two progress events of a step. */
const pauseMs = 200;

export type Progress = (done: number, total?: number, text?: string) => void;

export interface StepOptions {
  id: string;
  /** In the present: "downloading llama-server". */
  text: string;
  /** When it is done: "downloaded llama-server". */
  done: string;
  unit?: string;
}

/** Runs `work` as a step; a step whose work fails is left open, and the error tells the rest. */
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
    next = now + pauseMs;
    narrate({ kind: 'progress', id, done: amount, total, unit, text: note });
  };
  const result = await work(progress);
  narrate({ kind: 'done', id, text: done, ms: performance.now() - began });
  return result;
};
