/**
 * Wakes one waiter. A notification before the wait is remembered, so that none is missed between a check and the wait.
 */
export class Notifier {
  #notified = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#notified = true;
    this.#wake?.();
  }

  /**
   * Resolves at the next notification, at once if there was one since the last wait, or after `timeoutMs`. One waiter
   * at a time.
   */
  async wait(timeoutMs?: number): Promise<void> {
    if (!this.#notified) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#notified = false;
  }
}
