/** One start shared by any number of callers: it is cancelled when the last of them leaves. */

import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';

export class SharedStart {
  /** Started by the restart policy: callers that leave do not cancel it. */
  readonly background: boolean;
  readonly #name: string;
  readonly #abort = new AbortController();
  readonly #narrators = new Set<Narrate>();
  readonly #done = Promise.withResolvers<void>();
  #waiting = 0;

  constructor(name: string, background: boolean) {
    this.#name = name;
    this.background = background;
    // Without callers, only the state shows a failure.
    this.#done.promise.catch(() => {});
  }

  /** Aborted when the start is no longer wanted. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly narrate: Narrate = (event) => {
    for (const narrate of this.#narrators) narrate(event);
  };

  /** Settles when `work` does. */
  follow(work: Promise<void>): void {
    work.then(this.#done.resolve, this.#done.reject);
  }

  cancel(): void {
    this.#abort.abort(RbeeError.of('CANCELLED', { what: `the start of ${this.#name}` }));
  }

  /**
   * Waits for the start. When the signal aborts and no other caller waits, the start is undone before CANCELLED is
   * thrown.
   */
  async join({ signal, narrate }: { signal?: AbortSignal; narrate?: Narrate }): Promise<void> {
    this.#waiting += 1;
    if (narrate) this.#narrators.add(narrate);
    const left = Promise.withResolvers<never>();
    const onAbort = () => left.reject(RbeeError.of('CANCELLED', { what: `the start of ${this.#name}` }));
    left.promise.catch(() => {});
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#done.promise, left.promise]);
    } catch (error) {
      if (signal?.aborted && this.#waiting === 1 && !this.background) {
        this.cancel();
        await this.#done.promise.catch(() => {});
      }
      throw error;
    } finally {
      this.#waiting -= 1;
      if (narrate) this.#narrators.delete(narrate);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
