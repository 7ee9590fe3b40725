/** The memory that request bodies may take: one budget for the whole queen. */
import { Leftovers } from './leftovers.ts';

/** For all bodies together. What does not fit goes to disk. */
export const bodyMemoryBytes = 64 * 1024 * 1024;

export class BodyMemory {
  readonly #maxBytes: number;
  readonly #leftovers: Leftovers;
  #used = 0;

  constructor(maxBytes = bodyMemoryBytes, leftovers = new Leftovers()) {
    this.#maxBytes = maxBytes;
    this.#leftovers = leftovers;
  }

  /** Bytes that are taken. */
  get used(): number {
    return this.#used;
  }

  share(): MemoryShare {
    return new MemoryShare({
      take: (bytes, held) => {
        // Never more for one than stays free for all others: large bodies leave room for small ones, and no request takes it all.
        if (held + bytes > this.#maxBytes - this.#used - bytes) return false;
        this.#used += bytes;
        return true;
      },
      give: (bytes) => {
        this.#used -= bytes;
        this.#leftovers.done(bytes);
      },
    });
  }
}

interface Budget {
  take(bytes: number, held: number): boolean;
  give(bytes: number): void;
}

/** What one body holds of the budget: as many bytes as have arrived, rounded up. */
export class MemoryShare {
  readonly #budget: Budget;
  #held = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get held(): number {
    return this.#held;
  }

  /** Holds `bytes` in all from now on; false, and nothing changes, where there is no room for that. */
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
