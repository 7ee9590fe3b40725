/** Wakes workers for requests; all requests that wait for one worker share one wake. */
export class Waking {
  readonly #wake: (key: string) => Promise<unknown>;
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(wake: (key: string) => Promise<unknown>) {
    this.#wake = wake;
  }

  /**
   * Resolves when the worker is ready or the signal is aborted; an abort does not stop the wake. Throws the reason if the worker
   * cannot be woken.
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
    const pending = this.#pending.get(key);
    if (pending) return pending;
    const wake = this.#wake(key).finally(() => this.#pending.delete(key));
    // When it fails, all requests that waited for it may be gone.
    wake.catch(() => {});
    this.#pending.set(key, wake);
    return wake;
  }
}
