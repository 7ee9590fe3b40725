/**
 * How deep a TOML text goes, found without parsing it: a parser builds a table for each part of a key, and calls itself
 * for each bracket, so a small text could take all memory.
 */

/** Parts of one key, and brackets around one value. Far more than any file of settings needs. */
export const maxDepth = 32;

/** Where it goes deeper than that, as an offset; null where it does not. */
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

/** Past the closing quotes, or the end of the line for a text of one line that is not closed. */
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
