/** Assigns loopback ports from a range to workers. */
import { createServer } from 'node:net';
import { RbeeError } from '../../contract/errors.ts';
import { parsePortRange } from '../../contract/ports.ts';

export interface PortPoolOptions {
  /**
   * Milliseconds before a released port is reused: late packets and clients of the old owner must not reach the new
   * one.
   */
  restMs?: number;
  now?: () => number;
}

/** Assigns ports of a range such as `18000-18999`; two concurrent calls never get the same port. */
export class PortPool {
  readonly #range: string;
  readonly #first: number;
  readonly #last: number;
  readonly #restMs: number;
  readonly #now: () => number;
  readonly #reserved = new Set<number>();
  /** Port → when it can be assigned again. */
  readonly #resting = new Map<number, number>();
  #next: number;

  /** Throws INVALID_INPUT for an invalid range. */
  constructor(range: string, options: PortPoolOptions = {}) {
    const { first, last } = parsePortRange(range);
    this.#first = first;
    this.#last = last;
    this.#range = range;
    this.#next = this.#first;
    this.#restMs = options.restMs ?? 15_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Reserves a port on which nothing listens, until `release`. Throws NO_FREE_PORT. */
  async take(options: { except?: readonly number[]; signal?: AbortSignal } = {}): Promise<number> {
    const size = this.#last - this.#first + 1;
    for (let tried = 0; tried < size; tried += 1) {
      options.signal?.throwIfAborted();
      const port = this.#advance();
      if (this.#reserved.has(port) || this.#rests(port) || options.except?.includes(port)) continue;
      this.#reserved.add(port);
      if (await canBind(port)) return port;
      this.#reserved.delete(port);
    }
    throw RbeeError.of('NO_FREE_PORT', { range: this.#range });
  }

  /** Reserves the port of an adopted process. */
  reserve(port: number): void {
    this.#reserved.add(port);
  }

  /** Releases a port; it is not reused at once. A port that was never reserved is ignored. */
  release(port: number): void {
    if (this.#reserved.delete(port)) this.#resting.set(port, this.#now() + this.#restMs);
  }

  #advance(): number {
    const port = this.#next;
    this.#next = port === this.#last ? this.#first : port + 1;
    return port;
  }

  #rests(port: number): boolean {
    const until = this.#resting.get(port);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#resting.delete(port);
    return false;
  }
}

/** Whether the port is free on the loopback address at this moment. */
export const canBind = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
