/** Connections to workers: one pool for each process of a worker, made and destroyed with it. */
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { buildConnector, Pool as UndiciPool } from 'undici';
import type { HiveWorker } from '../../contract/hive-api.ts';
import { readToTheEnd } from './read-to-the-end.ts';

/**
 * The pool alone: the package's front door loads fetch, WebSocket and caches too, 8 MB that a queen never uses. Loaded
 * with the first request: a queen that only looks after workers does without.
 */
const loadPool = (): typeof UndiciPool => {
  Pool ??= createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof UndiciPool;
  return Pool;
};

let Pool: typeof UndiciPool | undefined;

/** Connects to a port of this machine. */
const localConnector = (): buildConnector.connector => {
  const build = createRequire(import.meta.url)('undici/lib/core/connect.js') as typeof buildConnector;
  const connect = build({ timeout: 5_000, noDelay: true });
  return (options, connected) =>
    connect(options, (...[error, socket]) => {
      if (error) connected(error, null);
      else connected(null, readToTheEnd(socket));
    });
};

/** A socket to a loopback port of a worker's machine. */
export type Dial = (port: number) => Promise<Duplex>;

interface Kept {
  pool: UndiciPool;
  /** Which process of the worker it belongs to: a port is soon given to another one. */
  process: string;
}

export class Pools {
  readonly #pools = new Map<string, Kept>();
  #dials: ReadonlyMap<string, Dial | undefined> = new Map();

  /** The pool of a worker that has a port; `key` is its key in the fleet. */
  of(key: string, worker: HiveWorker): UndiciPool {
    const process = `${worker.port} ${worker.startedAt}`;
    const kept = this.#pools.get(key);
    if (kept?.process === process) return kept.pool;
    if (kept) retire(kept.pool);
    const pool = new (loadPool())(`http://127.0.0.1:${worker.port}`, {
      // A model may think for minutes, and a stream may pause: only the client or the worker ends a request.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: this.#dials.get(key) ? this.#connector(key, worker.port ?? 0) : localConnector(),
      // Shorter than the five seconds after which common servers close an idle connection.
      keepAliveTimeout: 3_000,
      keepAliveMaxTimeout: 60_000,
    });
    this.#pools.set(key, { pool, process });
    return pool;
  }

  /**
   * Lets go of the pools of workers that are gone; `dials` has the others by key, with what dials their machine. Requests
   * under way end with their worker, not before.
   */
  keepOnly(dials: ReadonlyMap<string, Dial | undefined>): void {
    this.#dials = dials;
    for (const [key, { pool }] of this.#pools) {
      if (dials.has(key)) continue;
      this.#pools.delete(key);
      retire(pool);
    }
  }

  #connector(key: string, port: number): UndiciPool.Options['connect'] {
    return (_options, connected) => {
      const dial = this.#dials.get(key);
      if (!dial) return connected(new Error('the worker is gone'), null);
      dial(port).then(
        (socket) => connected(null, readToTheEnd(socket) as never),
        (error) => connected(error, null),
      );
    };
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy().catch(() => {})));
  }
}

const retire = (pool: UndiciPool): void => void pool.close().catch(() => {});
