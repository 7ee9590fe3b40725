/** A token bucket: how much may come at once, and how much a second after that. */
export interface Rate {
  perSecond: number;
  burst: number;
}

export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#tokens = rate.burst;
    this.#at = now();
  }

  /** Takes `amount`; false when that is more than the rate allows now. */
  take(amount: number): boolean {
    const now = this.#now();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    this.#tokens -= amount;
    return this.#tokens >= 0;
  }
}
