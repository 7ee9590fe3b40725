/** Passes on that something changed: the first time at once, then at most so often, so that a burst is not told in full each time. */

/** Milliseconds between two notices of a burst. */
const pauseMs = 15;

export class ChangeNotice {
  readonly #tell: () => void;
  #pause: NodeJS.Timeout | undefined;
  #again = false;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  readonly changed = (): void => {
    if (this.#pause) {
      this.#again = true;
      return;
    }
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.changed();
    }, pauseMs).unref();
    this.#tell();
  };

  close(): void {
    clearTimeout(this.#pause);
  }
}
