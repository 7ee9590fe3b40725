/** What the demo model hears in any sound, as the tokens that it is made of. No token comes twice: each leads to one other. */

/** Two segments; `Ġ` is a space, as in Whisper's vocabulary. */
export const heardTokens: readonly (readonly string[])[] = [
  ['ĠHello', 'Ġfrom', 'Ġrbee', '.'],
  ['ĠThis', 'Ġmachine', 'Ġheard', 'Ġa', 'Ġsound', '!'],
];
/** The same as a translation. */
export const translatedTokens: readonly string[] = ['ĠIn', 'ĠEnglish', ',', 'Ġtoo', '?'];

/** Seconds at which the segments begin and end. */
export const heardTimes: readonly (readonly [start: number, end: number])[] = [
  [0, 0.5],
  [0.52, 1],
];

const textOf = (tokens: readonly string[]) => tokens.join('').replaceAll('Ġ', ' ').trim();

export const heardSegments: readonly string[] = heardTokens.map(textOf);
/** The exact text of a transcription. */
export const heardSentence: string = heardSegments.join(' ');
/** The exact text of a translation. */
export const translatedSentence: string = textOf(translatedTokens);
