/** Decides when a silent hive counts as unreachable. Uses a monotonic clock, and subtracts the queen's own lag. */

/** Three missed ticks; a hive ticks once a second. */
export const silenceMs = 3_000;

/**
 * Measures how long this process did not get to run. A busy or suspended queen reads ticks late, which is not the fault
 * of the hives.
 */
export class LoopLag {
  readonly #intervalMs: number;
  #last: number;
  #total = 0;

  /** Call `measure` every `intervalMs`. Times are milliseconds of a monotonic clock. */
  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs;
    this.#last = now;
  }

  /** Total lag so far, in milliseconds. */
  measure(now: number): number {
    this.#total += Math.max(0, now - this.#last - this.#intervalMs);
    this.#last = now;
    return this.#total;
  }

  get total(): number {
    return this.#total;
  }
}

/** The last sign of life of a hive, with the total lag at that time. */
export interface SignOfLife {
  at: number;
  lag: number;
}

export const isSilent = (last: SignOfLife, now: number, lag: number): boolean =>
  now - last.at - (lag - last.lag) > silenceMs;
