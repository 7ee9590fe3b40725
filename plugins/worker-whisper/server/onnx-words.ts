/** Computes words and their times from the tokens of a segment and their times. */
import type { PreTrainedTokenizer } from '@huggingface/transformers';
import { languageName } from './languages.ts';
import type { TokenSegment } from './token-segments.ts';
import type { Word } from './transcript.ts';

/** Members that the tokenizer's public types lack. */
interface WordCollator {
  collateWordTimestamps(
    tokens: readonly number[],
    times: readonly (readonly [number, number])[],
    language: string,
  ): { text: string; timestamp: [number, number] }[];
}

export const wordsOf = (
  tokenizer: PreTrainedTokenizer,
  { tokens, offset, end }: TokenSegment,
  times: readonly number[],
  language: string,
): Word[] => {
  const spans = tokens.map((_, at) => {
    const start = times[offset + at] ?? end;
    return [start, Math.max(start, times[offset + at + 1] ?? end)] as const;
  });
  const collator = tokenizer as unknown as WordCollator;
  return collator
    .collateWordTimestamps(tokens, spans, languageName(language))
    .map(({ text, timestamp: [start, stop] }) => ({ word: text.trim(), start, end: stop }))
    .filter(({ word }) => word !== '');
};
