/** What the queen does on hives by herself gives way to what somebody asks for. */

export class ReconcileQueue {
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<unknown> }>();
  /** How many want each hive for themselves. */
  readonly #wanted = new Map<string, number>();

  /** Runs it, unless the hive is being changed by somebody, or by an earlier one; ended early it is no error. */
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

  /** Runs what was asked for, after what runs by itself on these hives has ended. */
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
