/** Loopback ports for workers, out of one range. */
import { createServer } from 'node:net';
import { RbeeError } from '../../contract/errors.ts';
import { parsePortRange } from '../../contract/ports.ts';

export interface PortPoolOptions {
  /** Milliseconds that a released port rests: late packets and clients of the old owner must not meet the new one. */
  restMs?: number;
  now?: () => number;
}

/** Chooses ports of a range such as `18000-18999`; two concurrent choices never give the same. */
export class PortPool {
  readonly #range: string;
  readonly #first: number;
  readonly #last: number;
  readonly #restMs: number;
  readonly #now: () => number;
  readonly #reserved = new Set<number>();
  /** Port → when it may be chosen again. */
  readonly #resting = new Map<number, number>();
  #next: number;

  /** Throws INVALID_INPUT for a range that is none. */
  constructor(range: string, options: PortPoolOptions = {}) {
    const { first, last } = parsePortRange(range);
    this.#first = first;
    this.#last = last;
    this.#range = range;
    this.#next = this.#first;
    this.#restMs = options.restMs ?? 15_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Chooses a port on which nothing listens, and keeps it until `release`. Throws NO_FREE_PORT. */
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

  /** Keeps a port that an adopted process already has. */
  reserve(port: number): void {
    this.#reserved.add(port);
  }

  /** Gives a port back; it rests before it is chosen again. A port that was never taken is ignored. */
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

/** Is the port free on the loopback address at this moment? */
export const canBind = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
