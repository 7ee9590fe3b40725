/** The demo model's only answer, as tokens. `▁` is a space, as usual in such vocabularies. */

/**
 * Each token predicts the next, so no token may occur twice. None may be a single character or a pair of characters: then no
 * prompt contains these tokens, and every prompt gets the same answer.
 */
export const sentenceTokens: readonly string[] = [
  'Hello',
  '▁from',
  '▁rbee.',
  '▁This',
  '▁answer',
  '▁was',
  '▁made',
  '▁by',
  '▁llama',
  '.cpp',
  '▁on',
  '▁your',
  '▁own',
  '▁machine,',
  '▁one',
  '▁token',
  '▁at▁a',
  '▁time.',
];

/** The exact answer of the demo model. */
export const demoSentence: string = sentenceTokens.join('').replaceAll('▁', ' ');
