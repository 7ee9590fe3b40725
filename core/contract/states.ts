/** States of workers and daemons, and the moves between them that are legal. */
import type { FailureCause } from './worker-type.ts';

/**
 * The life of a worker. `failed` carries a cause; `unhealthy` is on its way to a restart; `lost` means that its hive does
 * not answer, and says nothing of the worker itself. A worker that is `sleeping` runs, but has given its device's memory
 * back: it is woken by the first request. Being busy is a number, not a state.
 */
export type WorkerState =
  | 'starting'
  | 'loading'
  | 'ready'
  | 'sleeping'
  | 'draining'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'unhealthy'
  | 'lost';

/** The legal moves, as seen by the owner of the worker (`lost` exists only for readers, and is not here). */
export const workerMoves: Readonly<Record<Exclude<WorkerState, 'lost'>, readonly WorkerState[]>> = {
  starting: ['loading', 'ready', 'sleeping', 'stopping', 'failed', 'starting'],
  loading: ['ready', 'stopping', 'failed', 'starting'],
  ready: ['sleeping', 'draining', 'stopping', 'unhealthy', 'starting', 'failed'],
  sleeping: ['ready', 'stopping', 'unhealthy', 'starting', 'failed'],
  unhealthy: ['ready', 'draining', 'stopping', 'starting', 'failed'],
  draining: ['stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  stopped: ['starting'],
  failed: ['starting', 'stopping', 'stopped'],
};

/** A daemon (queen or hive) as seen from outside. `stale`: its PID file names a process that is no longer the daemon. */
export type DaemonStatus =
  | { status: 'running'; pid: number }
  | { status: 'stopped' }
  | { status: 'failed'; reason: string }
  | { status: 'stale'; pid: number };

/** Why a worker failed. */
export interface WorkerFailure {
  cause: FailureCause;
  message: string;
  hint: string;
  exitCode: number | null;
  signal: string | null;
  /** The last output of the engine, oldest line first. */
  log: readonly string[];
  /** ISO 8601. */
  at: string;
}

/** When a worker is restarted automatically. */
export type RestartPolicy = 'never' | 'on-failure' | 'always';
