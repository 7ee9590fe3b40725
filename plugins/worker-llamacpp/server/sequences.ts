/** The sequences of one context, one per slot. Each keeps its last text, so that a shared beginning is not recomputed. */
import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp';

export interface Sequences {
  /** Takes a free sequence, preferably one that already holds the beginning of the prompt. */
  take(prompt: Token[]): LlamaContextSequence;
  /** Returns it; `broken` if its state can no longer be trusted. */
  give(sequence: LlamaContextSequence, broken: boolean): Promise<void>;
}

export const createSequences = (context: LlamaContext): Sequences => {
  // Least recently used first.
  const free = Array.from({ length: context.totalSequences }, () => context.getSequence());
  return {
    take: (prompt) => {
      let best = 0;
      let longest = 0;
      free.forEach((sequence, index) => {
        const { firstDifferentIndex } = sequence.compareContextTokens(prompt);
        if (firstDifferentIndex <= longest) return;
        longest = firstDifferentIndex;
        best = index;
      });
      const [taken] = free.splice(best, 1);
      if (taken === undefined) throw new Error('no sequence is free');
      return taken;
    },
    give: async (sequence, broken) => {
      if (!broken) {
        free.push(sequence);
        return;
      }
      await sequence.dispose();
      free.push(context.getSequence());
    },
  };
};
