/** Shares work between requests that wait for it: it runs once and is cancelled when the last of them has left. */

interface Running<Result> {
  result: Promise<Result>;
  abort: AbortController;
  waiting: number;
  listeners: Set<(done: number) => void>;
  /** Its progress. */
  done: number;
}

export class SharedWork<Result> {
  readonly #running = new Map<string, Running<Result>>();

  /** Whether work with this key is running. */
  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** Joins the running work of this key or starts it. It is cancelled when the last caller aborts. */
  async join(
    key: string,
    work: (signal: AbortSignal, tell: (done: number) => void) => Promise<Result>,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: (done: number) => void },
  ): Promise<Result> {
    signal.throwIfAborted();
    const there = this.#running.get(key);
    if (there?.abort.signal.aborted) {
      // It is being cancelled; its resources are free once it has ended.
      await there.result.catch(() => {});
      return this.join(key, work, { signal, ...(onProgress && { onProgress }) });
    }
    const running = there ?? this.#start(key, work);
    running.waiting += 1;
    if (onProgress) {
      running.listeners.add(onProgress);
      onProgress(running.done);
    }
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([running.result, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      if (onProgress) running.listeners.delete(onProgress);
      running.waiting -= 1;
      if (running.waiting === 0 && signal.aborted) {
        running.abort.abort(signal.reason);
        await running.result.catch(() => {});
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal, tell: (done: number) => void) => Promise<Result>): Running<Result> {
    const abort = new AbortController();
    const running: Running<Result> = {
      abort,
      waiting: 0,
      listeners: new Set(),
      done: 0,
      result: Promise.resolve().then(() =>
        work(abort.signal, (done) => {
          running.done = done;
          for (const listener of running.listeners) listener(done);
        }),
      ),
    };
    running.result = running.result.finally(() => this.#running.delete(key));
    running.result.catch(() => {});
    this.#running.set(key, running);
    return running;
  }
}
