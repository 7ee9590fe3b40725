/** When a hive that has gone silent counts as unreachable: decided by a monotonic clock, less the queen's own lag. */

/** A hive ticks once a second; three ticks missed. */
export const silenceMs = 3_000;

/**
 * Counts how long this process itself did not get to run. A busy or suspended queen reads ticks late: that time must
 * not be held against the hives.
 */
export class LoopLag {
  readonly #intervalMs: number;
  #last: number;
  #total = 0;

  /** `measure` is to be called every `intervalMs`. Times are in milliseconds of a monotonic clock. */
  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs;
    this.#last = now;
  }

  /** All the lag so far, in milliseconds. */
  measure(now: number): number {
    this.#total += Math.max(0, now - this.#last - this.#intervalMs);
    this.#last = now;
    return this.#total;
  }

  get total(): number {
    return this.#total;
  }
}

/** The last sign of life of a hive: when it was, and how much lag there had been by then. */
export interface SignOfLife {
  at: number;
  lag: number;
}

export const isSilent = (last: SignOfLife, now: number, lag: number): boolean =>
  now - last.at - (lag - last.lag) > silenceMs;
