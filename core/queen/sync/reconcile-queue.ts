/** Background work on hives, which gives way to jobs that a person asked for. */

export class ReconcileQueue {
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<unknown> }>();
  /** How many jobs use each hive. */
  readonly #wanted = new Map<string, number>();

  /** Runs `work`, unless a job or an earlier run uses the hive. Being interrupted is no error. */
  async run(hive: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#wanted.has(hive) || this.#running.has(hive)) return;
    const stop = new AbortController();
    const ended = work(AbortSignal.any([signal, stop.signal])).finally(() => this.#running.delete(hive));
    this.#running.set(hive, { stop, ended });
    try {
      await ended;
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  /** Interrupts background runs on these hives, waits for them to end, and runs `work`. */
  async without<Result>(hives: readonly string[], work: () => Promise<Result>): Promise<Result> {
    for (const hive of hives) this.#wanted.set(hive, (this.#wanted.get(hive) ?? 0) + 1);
    try {
      const running = hives.flatMap((hive) => this.#running.get(hive) ?? []);
      for (const { stop } of running) stop.abort();
      await Promise.allSettled(running.map(({ ended }) => ended));
      return await work();
    } finally {
      for (const hive of hives) {
        const left = this.#wanted.get(hive)! - 1;
        if (left > 0) this.#wanted.set(hive, left);
        else this.#wanted.delete(hive);
      }
    }
  }
}
