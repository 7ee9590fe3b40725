/** Sets of characters as sorted, disjoint ranges of code points. */
export type CharSet = readonly (readonly [from: number, to: number])[];

/** Every character that a text can contain; lone surrogates are not characters. */
export const anyChar: CharSet = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

export const charsOf = (text: string): CharSet => union([...text].map((char) => [codePoint(char), codePoint(char)]));

export const codePoint = (char: string): number => char.codePointAt(0) ?? 0;

/** Makes a set from ranges in any order, which may overlap. */
export const union = (ranges: CharSet): CharSet => {
  const made: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = made.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else made.push([from, to]);
  }
  return made;
};

export const intersection = (one: CharSet, two: CharSet): CharSet => {
  const made: [number, number][] = [];
  for (let i = 0, j = 0; i < one.length && j < two.length; ) {
    const [a, b] = [one[i] as readonly [number, number], two[j] as readonly [number, number]];
    const [from, to] = [Math.max(a[0], b[0]), Math.min(a[1], b[1])];
    if (from <= to) made.push([from, to]);
    if (a[1] < b[1]) i += 1;
    else j += 1;
  }
  return made;
};

/** All characters that are not in the set. */
export const complement = (set: CharSet): CharSet => {
  const made: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) made.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= 0x10ffff) made.push([next, 0x10ffff]);
  return intersection(made, anyChar);
};

export const has = (set: CharSet, code: number): boolean => set.some(([from, to]) => from <= code && code <= to);
