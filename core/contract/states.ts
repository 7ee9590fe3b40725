/** States of workers and daemons, and their legal transitions. */
import type { FailureCause } from './worker-type/worker-type.ts';

/**
 * States of a worker. `failed` comes with a cause; `unhealthy` leads to a restart; `lost` means only that its hive does
 * not answer. A `sleeping` worker runs, but has released its device memory; the first request wakes it. Being busy is a
 * number, not a state.
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

/** The legal transitions, as seen by the worker's owner (`lost` exists only for readers and is not included). */
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

/** A daemon (queen or hive) as seen from outside. `stale`: its PID file names a process that is not the daemon. */
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

/** When to restart a worker automatically. */
export type RestartPolicy = 'never' | 'on-failure' | 'always';
