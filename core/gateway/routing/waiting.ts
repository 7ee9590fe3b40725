/** Requests that wait until a worker of their model is ready. */

/** Each holds its connection and its body. */
const maxRequests = 1_000;

export class Waiting {
  readonly #wakers = new Set<() => void>();

  /** Requests that wait now. */
  get size(): number {
    return this.#wakers.size;
  }

  /** Something has changed. */
  wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }

  /**
   * Resolves with true at the next `wake` or when the signal is aborted; with false at the deadline, in milliseconds of
   * `performance.now()`, and at once if too many wait already.
   */
  change(deadline: number, signal: AbortSignal): Promise<boolean> {
    const ms = deadline - performance.now();
    if (signal.aborted) return Promise.resolve(true);
    if (ms <= 0 || this.#wakers.size >= maxRequests) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (isChanged: boolean) => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve(isChanged);
      };
      const wake = () => end(true);
      const timer = setTimeout(end, ms, false);
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
