/** Random numbers that are the same for the same seed. */

export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** An integer from 0 up to, but not including, `limit`. */
  below(limit: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** Picks a key by its relative weight. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key;
}

/** The generator is mulberry32. Each `stream` of a seed is a separate sequence. */
export const createRandom = (seed: number, stream = 0): Random => {
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  const weighted: Random['weighted'] = (weights) => {
    const entries = Object.entries<number>(weights);
    let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key as never;
    }
    return entries.at(-1)![0] as never;
  };
  return { next, below, pick: (values) => values[below(values.length)]!, weighted };
};
