/** Calls a function at once, and at most every 15 ms in a burst: the last call of a burst is never lost. */

const intervalMs = 15;

export class Throttle {
  readonly #call: () => void;
  #pause: NodeJS.Timeout | undefined;
  #again = false;

  constructor(call: () => void) {
    this.#call = call;
  }

  readonly trigger = (): void => {
    if (this.#pause) {
      this.#again = true;
      return;
    }
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.trigger();
    }, intervalMs).unref();
    this.#call();
  };

  close(): void {
    clearTimeout(this.#pause);
  }
}
