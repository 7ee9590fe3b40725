/** The newest events of all jobs in memory, under one budget: the job with the most drops its oldest. */
import type { JobEvent } from '../../contract/api/narration.ts';

interface Held {
  event: JobEvent;
  bytes: number;
}

export class EventMemory {
  readonly #maxBytes: number;
  readonly #windows = new Set<EventWindow>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held in total. */
  get used(): number {
    return this.#used;
  }

  /** Events of one job, at most `maxBytes`. Counts towards the budget until it is closed. */
  window(maxBytes: number): EventWindow {
    const window: EventWindow = new EventWindow(
      maxBytes,
      (bytes) => this.#count(bytes),
      () => this.#windows.delete(window),
    );
    this.#windows.add(window);
    return window;
  }

  /** Counts other memory of jobs, such as their inputs. Negative to release it. */
  count(bytes: number): void {
    this.#count(bytes);
  }

  /** Could this much permanent memory be added, after dropping events? */
  hasRoom(bytes: number): boolean {
    const events = [...this.#windows].reduce((sum, window) => sum + window.bytes, 0);
    return this.#used - events + bytes <= this.#maxBytes;
  }

  #count(bytes: number): void {
    this.#used += bytes;
    while (this.#used > this.#maxBytes) {
      const [largest] = [...this.#windows].sort((a, b) => b.bytes - a.bytes);
      if (!largest || largest.bytes === 0) return;
      largest.giveUp(largest.bytes / 2);
    }
  }
}

export class EventWindow {
  readonly #maxBytes: number;
  readonly #count: (bytes: number) => void;
  readonly #forget: () => void;
  #held: Held[] = [];
  /** Index of the oldest event in `#held`; removing from the front of the array would move all others. */
  #start = 0;
  #bytes = 0;
  #first = 1;

  constructor(maxBytes: number, count: (bytes: number) => void, forget: () => void) {
    this.#maxBytes = maxBytes;
    this.#count = count;
    this.#forget = forget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the oldest event held, or of the next one. */
  get first(): number {
    return this.#first;
  }

  /** Event numbers are consecutive. */
  push(event: JobEvent, bytes: number): void {
    this.#held.push({ event, bytes });
    this.#bytes += bytes;
    this.#count(bytes);
    if (this.#bytes > this.#maxBytes) this.giveUp(this.#bytes - this.#maxBytes);
  }

  /** Undefined if it has not arrived yet, or was dropped. */
  at(number: number): JobEvent | undefined {
    return number < this.#first ? undefined : this.#held[this.#start + number - this.#first]?.event;
  }

  /** Drops the oldest events, at least this many bytes. */
  giveUp(bytes: number): void {
    let freed = 0;
    while (freed < bytes && this.#start < this.#held.length) {
      freed += this.#held[this.#start]?.bytes ?? 0;
      this.#start += 1;
      this.#first += 1;
    }
    if (this.#start * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#start);
      this.#start = 0;
    }
    this.#bytes -= freed;
    this.#count(-freed);
  }

  close(): void {
    this.giveUp(this.#bytes);
    this.#forget();
  }
}
