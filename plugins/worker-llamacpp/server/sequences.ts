/** The sequences of one context, one for each slot. Each keeps its last text, whose beginning need not be computed again. */
import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp';

export interface Sequences {
  /** A free sequence, best one that already holds the beginning of the prompt. There is one for each slot. */
  take(prompt: Token[]): LlamaContextSequence;
  /** Gives it back; `broken` when its state is not to be trusted any more. */
  give(sequence: LlamaContextSequence, broken: boolean): Promise<void>;
}

export const createSequences = (context: LlamaContext): Sequences => {
  // The one that was used longest ago comes first.
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
