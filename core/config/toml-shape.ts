/**
 * Measures the nesting of a TOML text without parsing it: a parser builds a table for each part of a key, and recurses
 * for each bracket, so a small text could use all memory.
 */

/** The maximum parts of a key, and brackets around a value: far more than any configuration needs. */
export const maxDepth = 32;

/** The offset where it is nested too deeply, or null. */
export const tooDeepAt = (source: string): number | null => {
  let brackets = 0;
  let parts = 1;
  for (let at = 0; at < source.length; at++) {
    switch (source[at]) {
      case '#':
        at = lineEnd(source, at) - 1;
        break;
      case '"':
      case "'":
        at = textEnd(source, at) - 1;
        break;
      case '.':
        parts++;
        break;
      case '[':
      case '{':
        brackets++;
        parts = 1;
        break;
      case ']':
      case '}':
        brackets--;
        parts = 1;
        break;
      case '=':
      case ',':
      case '\n':
        parts = 1;
        break;
    }
    if (brackets > maxDepth || parts > maxDepth) return at;
  }
  return null;
};

const lineEnd = (source: string, from: number): number => {
  const end = source.indexOf('\n', from);
  return end === -1 ? source.length : end;
};

/** The offset after the closing quotes, or the end of the line if a single-line string is not closed. */
const textEnd = (source: string, from: number): number => {
  const quote = source[from]!;
  const long = source.startsWith(quote.repeat(3), from);
  const end = long ? quote.repeat(3) : quote;
  for (let at = from + end.length; at < source.length; at++) {
    if (source.startsWith(end, at)) return at + end.length;
    if (!long && source[at] === '\n') return at;
    if (quote === '"' && source[at] === '\\') at++;
  }
  return source.length;
};
