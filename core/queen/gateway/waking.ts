/** Waking workers for requests: one wake for all that wait for the same worker. */

export class Waking {
  readonly #wake: (key: string) => Promise<unknown>;
  readonly #under = new Map<string, Promise<unknown>>();

  constructor(wake: (key: string) => Promise<unknown>) {
    this.#wake = wake;
  }

  /**
   * Resolves when the worker is ready, or when the signal aborts: then it is woken all the same. Throws why it does not
   * wake.
   */
  async wake(key: string, signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<void>();
    const leave = () => left.resolve();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      await Promise.race([this.#shared(key), left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #shared(key: string): Promise<unknown> {
    const under = this.#under.get(key);
    if (under) return under;
    const wake = this.#wake(key).finally(() => this.#under.delete(key));
    // Everyone who waits may have left when it fails.
    wake.catch(() => {});
    this.#under.set(key, wake);
    return wake;
  }
}
