/** Did you mean: finds known words similar to a mistyped one. */

/**
 * At most `limit` known words, nearest first: those that differ in at most a third of their letters, and
 * those that begin with the word. Ignores case.
 */
export const nearest = (word: string, known: Iterable<string>, limit = 3): string[] => {
  // A word of a request can be megabytes long, but real names are not.
  const typed = word.slice(0, longest).toLowerCase();
  const found: { name: string; far: number }[] = [];
  for (const name of new Set(known)) {
    const there = name.slice(0, longest).toLowerCase();
    const far = distance(typed, there);
    const begins = typed.length > 1 && there.startsWith(typed);
    if (begins) found.push({ name, far: Math.min(far, 1) });
    else if (far <= Math.max(1, Math.floor(Math.max(typed.length, there.length) / 3))) found.push({ name, far });
  }
  found.sort((a, b) => a.far - b.far || a.name.localeCompare(b.name));
  // Next to a much nearer word, the others are noise.
  const most = (found[0]?.far ?? 0) + 1;
  const near = found.filter(({ far }) => far <= most);
  return near.slice(0, limit).map(({ name }) => name);
};

/** The nearest words as the end of a sentence: `; did you mean a or b?`, or nothing. */
export const didYouMean = (word: string, known: Iterable<string>): string => {
  const names = nearest(word, known);
  return names.length === 0 ? '' : `; did you mean ${names.join(' or ')}?`;
};

const longest = 128;

/** Damerau-Levenshtein distance: insertions, deletions, substitutions and swaps of adjacent letters. */
const distance = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, beforeLast[column - 2]! + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
};
