/** Splits the tokens of one window into segments (text between two times), and says how much of the window they cover. */

/** Seconds between two time tokens. */
const timeStep = 0.02;

export interface TokenSegment {
  start: number;
  end: number;
  /** The tokens of its text. */
  tokens: readonly number[];
  /** Index of its first text token among the window's tokens. */
  offset: number;
}

/**
 * Two times in a row end one segment and start the next. If the window ends within a segment, that segment is left for the next
 * window. If it ends with a single time, nothing more was said.
 *
 * `tokens` excludes the prompt and the end token. Tokens from `timeBegin` on are times.
 */
export const segmentsOf = (
  tokens: readonly number[],
  timeBegin: number,
  windowSeconds: number,
): { segments: TokenSegment[]; consumed: number } => {
  const isTime = (at: number) => (tokens[at] ?? -1) >= timeBegin;
  const timeOf = (at: number) => ((tokens[at] ?? timeBegin) - timeBegin) * timeStep;
  const pairs = tokens.map((_, at) => at).filter((at) => at > 0 && isTime(at) && isTime(at - 1));
  const endsWithTime = tokens.length >= 2 && isTime(tokens.length - 1) && !isTime(tokens.length - 2);

  const cut = (from: number, to: number, end: number): TokenSegment[] => {
    const start = isTime(from) ? timeOf(from) : 0;
    const offset = isTime(from) ? from + 1 : from;
    const text = tokens.slice(offset, to).filter((token) => token < timeBegin);
    return text.length === 0 ? [] : [{ start, end: Math.max(start, end), tokens: text, offset }];
  };

  if (pairs.length === 0) {
    const last = tokens.findLastIndex((_, at) => isTime(at));
    const end = last > 0 && timeOf(last) > 0 ? timeOf(last) : windowSeconds;
    return { segments: cut(0, tokens.length, end), consumed: windowSeconds };
  }
  const segments: TokenSegment[] = [];
  let from = 0;
  for (const pair of pairs) {
    segments.push(...cut(from, pair - 1, timeOf(pair - 1)));
    from = pair;
  }
  if (!endsWithTime) return { segments, consumed: timeOf((pairs.at(-1) ?? 1) - 1) };
  segments.push(...cut(from, tokens.length - 1, timeOf(tokens.length - 1)));
  return { segments, consumed: windowSeconds };
};
