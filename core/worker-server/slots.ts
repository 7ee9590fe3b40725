/** The slots of a worker and the bounded queue before them. First come, first served. */
import { queueFull } from './errors.ts';

export interface Slots {
  readonly running: number;
  readonly waiting: number;
  /**
   * Waits for a slot, and returns the function that frees it. Throws 429 if the queue is full, and the signal's reason if
   * it aborts first.
   */
  take(signal: AbortSignal): Promise<() => void>;
  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void>;
}

interface Waiting {
  enter(): void;
}

export const createSlots = (slots: number, queueLimit: number): Slots => {
  const queue = new Set<Waiting>();
  const idleListeners: (() => void)[] = [];
  let running = 0;

  const occupy = () => {
    running += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      running -= 1;
      const [next] = queue;
      if (next !== undefined) next.enter();
      else if (running === 0) for (const tell of idleListeners.splice(0)) tell();
    };
  };

  const wait = (signal: AbortSignal) =>
    new Promise<() => void>((resolve, reject) => {
      const leave = () => {
        queue.delete(waiting);
        reject(signal.reason);
        if (running === 0 && queue.size === 0) for (const tell of idleListeners.splice(0)) tell();
      };
      const waiting = {
        enter: () => {
          queue.delete(waiting);
          signal.removeEventListener('abort', leave);
          resolve(occupy());
        },
      };
      queue.add(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });

  return {
    get running() {
      return running;
    },
    get waiting() {
      return queue.size;
    },
    take: async (signal) => {
      signal.throwIfAborted();
      if (running < slots && queue.size === 0) return occupy();
      if (queue.size >= queueLimit) throw queueFull(queue.size);
      return wait(signal);
    },
    idle: () =>
      running === 0 && queue.size === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            idleListeners.push(resolve);
          }),
  };
};
