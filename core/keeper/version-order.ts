/** Compares versions of rbee. */

/** An unknown version format never counts as older: no hint is better than a wrong one. */
export const isOlder = (theirs: string, ours: string): boolean => {
  const [first, second] = [partsOf(theirs), partsOf(ours)];
  if (!first || !second) return false;
  for (const index of [0, 1, 2] as const) {
    if (first.numbers[index] !== second.numbers[index]) return first.numbers[index] < second.numbers[index];
  }
  return first.early && !second.early;
};

interface Parts {
  numbers: readonly [number, number, number];
  /** Comes before the release of these numbers. */
  early: boolean;
}

const partsOf = (version: string): Parts | null => {
  const [, major, minor, patch, early] = /^(\d+)\.(\d+)\.(\d+)(-[\w.-]+)?(?:\+.*)?$/.exec(version) ?? [];
  if (major === undefined) return null;
  return { numbers: [Number(major), Number(minor), Number(patch)], early: early !== undefined };
};
