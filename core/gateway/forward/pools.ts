/** Connections to workers: one pool for each process of a worker, created and destroyed with it. */
import { createRequire } from 'node:module';
import type { buildConnector, Pool as UndiciPool } from 'undici';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { Dial } from '../fleet.ts';
import { readToTheEnd } from './read-to-the-end.ts';

/**
 * Only the pool: the package's main module would also load fetch, WebSocket and caches, 8 MB that are never used here. Loaded
 * on the first request, as many queens never forward one.
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

interface Kept {
  pool: UndiciPool;
  /** The worker's process that it belongs to: another process may soon get the same port. */
  process: string;
}

export class Pools {
  readonly #pools = new Map<string, Kept>();
  #dials: ReadonlyMap<string, Dial | undefined> = new Map();

  /** The pool of a worker that has a port. */
  of(key: string, worker: HiveWorker): UndiciPool {
    const process = `${worker.port} ${worker.startedAt}`;
    const kept = this.#pools.get(key);
    if (kept?.process === process) return kept.pool;
    if (kept) retire(kept.pool);
    const pool = new (loadPool())(`http://127.0.0.1:${worker.port}`, {
      // A model may compute for minutes and a stream may pause: only the client or the worker ends a request.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: this.#dials.get(key) ? this.#connector(key, worker.port ?? 0) : localConnector(),
      // Common servers close idle connections after five seconds; close them before that.
      keepAliveTimeout: 3_000,
      keepAliveMaxTimeout: 60_000,
    });
    this.#pools.set(key, { pool, process });
    return pool;
  }

  /**
   * Retires the pools of workers that are not in `dials`, which has each worker's way to its machine by key. Requests in
   * progress are not interrupted.
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
