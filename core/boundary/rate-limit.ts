/** A token bucket: limits bursts and the rate per second. */
export interface Rate {
  perSecond: number;
  burst: number;
}

export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#tokens = rate.burst;
    this.#at = now();
  }

  /** False when `amount` exceeds what the rate allows now. */
  take(amount: number): boolean {
    const now = this.#now();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    this.#tokens -= amount;
    return this.#tokens >= 0;
  }
}
