/** The hive's state with a revision, and the heartbeats made from it: in full at first and on change, a tick each second. */
import type { Heartbeat, HiveState } from '../contract/hive-api.ts';

/** Milliseconds between two ticks. */
export const tickMs = 1_000;

export class StateFeed {
  readonly #read: () => HiveState;
  readonly #readers = new Set<(beat: Heartbeat) => void>();
  #revision = 1;
  #pending = false;
  #timer: NodeJS.Timeout | null = null;

  /** `read` gives the state as it is at that moment. */
  constructor(read: () => HiveState) {
    this.#read = read;
  }

  start(): void {
    this.#timer = setInterval(() => this.#send({ kind: 'tick', revision: this.#revision }), tickMs);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#readers.clear();
  }

  /** Something changed. Changes of one turn of the event loop go out together. */
  readonly changed = (): void => {
    if (this.#pending) return;
    this.#pending = true;
    setImmediate(() => {
      this.#pending = false;
      this.#revision += 1;
      if (this.#readers.size > 0) this.#send(this.#full());
    });
  };

  /** Gives the full state now and every heartbeat from now on; call the answer to end it. */
  subscribe(reader: (beat: Heartbeat) => void): () => void {
    reader(this.#full());
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #full(): Heartbeat {
    return { kind: 'state', revision: this.#revision, state: this.#read() };
  }

  #send(beat: Heartbeat): void {
    for (const reader of this.#readers) reader(beat);
  }
}
