/** One memory budget for all request bodies. */
import { BodyGarbage } from './body-garbage.ts';

/** Bodies that do not fit go to disk. */
export const bodyMemoryBytes = 64 * 1024 * 1024;

export class BodyMemory {
  readonly #maxBytes: number;
  readonly #garbage: BodyGarbage;
  #used = 0;

  constructor(maxBytes = bodyMemoryBytes, garbage = new BodyGarbage()) {
    this.#maxBytes = maxBytes;
    this.#garbage = garbage;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  share(): MemoryShare {
    return new MemoryShare({
      take: (bytes, held) => {
        // One body never gets more than remains free for the others, so large bodies leave room for small ones.
        if (held + bytes > this.#maxBytes - this.#used - bytes) return false;
        this.#used += bytes;
        return true;
      },
      give: (bytes) => {
        this.#used -= bytes;
        this.#garbage.add(bytes);
      },
    });
  }
}

interface Budget {
  take(bytes: number, held: number): boolean;
  give(bytes: number): void;
}

/** One body's part of the budget: the bytes that have arrived, rounded up. */
export class MemoryShare {
  readonly #budget: Budget;
  #held = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get held(): number {
    return this.#held;
  }

  /** Grows to `bytes` in total; returns false and changes nothing if the budget has no room. */
  grow(bytes: number): boolean {
    if (!this.#budget.take(bytes - this.#held, this.#held)) return false;
    this.#held = bytes;
    return true;
  }

  /** Can be called again. */
  release(): void {
    if (this.#held === 0) return;
    this.#budget.give(this.#held);
    this.#held = 0;
  }
}
