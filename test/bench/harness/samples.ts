/** Several measurements of the same thing, and their statistics. */

export interface Samples {
  median: number;
  min: number;
  max: number;
  count: number;
}

/** Throws without any number. */
export const samplesOf = (numbers: readonly number[]): Samples => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError('nothing was measured');
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? min) + (sorted[Math.floor(middle)] ?? max)) / 2;
  return { median, min, max, count: sorted.length };
};

/** The number that `share` (0 to 1) of them do not exceed. */
export const percentile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
};

/**
 * Measures in turn, A B C A B C …, so that a busy phase of the machine slows all of them alike. Does one round more
 * than requested and drops the first one, which warms up.
 */
export const interleave = async <Name extends string>(
  rounds: number,
  measures: Record<Name, () => Promise<number>>,
): Promise<Record<Name, Samples>> => {
  const names = Object.keys(measures) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const number = await measures[name]();
      if (round > 0) taken[name].push(number);
    }
  }
  return Object.fromEntries(names.map((name) => [name, samplesOf(taken[name])])) as Record<Name, Samples>;
};

/** Milliseconds that the work took. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};
