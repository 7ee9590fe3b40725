/** What the demo model says to everything, as the tokens that it is made of. `▁` is a space, as in any such vocabulary. */

/**
 * One token leads to the next, so none may come twice. None may be a single character either, nor a pair of them: then no
 * prompt has one of these tokens, and every prompt ends in the same place.
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
