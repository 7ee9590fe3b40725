/**
 * The hive's state with a revision, and its heartbeats: the full state at first and on each change, a tick every
 * second.
 */
import type { Heartbeat, HiveState } from '../contract/api/hive-api.ts';

/** Milliseconds between two ticks. */
export const tickMs = 1_000;
/** Milliseconds between two full states in a burst of changes. */
const minPauseMs = 25;
/** A large state waits longer: the queen disconnects a hive that sends too much. */
const maxBytesPerSecond = 2 * 2 ** 20;

/** Receives a heartbeat as a line of JSON. */
export type Reader = (line: string) => void;

export class StateFeed {
  readonly #read: () => HiveState;
  readonly #readers = new Set<Reader>();
  #revision = 1;
  #pending = false;
  #pause: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | null = null;

  /** `read` returns the current state. */
  constructor(read: () => HiveState) {
    this.#read = read;
  }

  start(): void {
    this.#timer = setInterval(() => this.#send(lineOf({ kind: 'tick', revision: this.#revision })), tickMs);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    clearTimeout(this.#pause);
    this.#readers.clear();
  }

  /** Something changed. Changes in one turn of the event loop, or in a burst, are sent together. */
  readonly changed = (): void => {
    if (this.#pending) return;
    this.#pending = true;
    if (this.#pause === undefined) setImmediate(() => this.#publish());
  };

  /** Sends the full state now, and every later heartbeat. Returns a function that ends it. */
  subscribe(reader: Reader): () => void {
    reader(this.#full());
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #publish(): void {
    this.#pending = false;
    this.#revision += 1;
    if (this.#readers.size === 0) return;
    const line = this.#full();
    const pauseMs = Math.max(minPauseMs, (line.length / maxBytesPerSecond) * 1_000);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (this.#pending) this.#publish();
    }, pauseMs).unref();
    this.#send(line);
  }

  #full(): string {
    return lineOf({ kind: 'state', revision: this.#revision, state: this.#read() });
  }

  #send(line: string): void {
    for (const reader of this.#readers) reader(line);
  }
}

const lineOf = (beat: Heartbeat): string => `${JSON.stringify(beat)}\n`;
