/** What the demo model hears in any sound, as tokens. No token occurs twice, because each predicts the next. */

/** Two segments; `Ġ` is a space, as in Whisper's vocabulary. */
export const heardTokens: readonly (readonly string[])[] = [
  ['ĠHello', 'Ġfrom', 'Ġrbee', '.'],
  ['ĠThis', 'Ġmachine', 'Ġheard', 'Ġa', 'Ġsound', '!'],
];
/** The translation. */
export const translatedTokens: readonly string[] = ['ĠIn', 'ĠEnglish', ',', 'Ġtoo', '?'];

/** Start and end of the segments in seconds. */
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
