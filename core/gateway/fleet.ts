/**
 * What the gateway knows of the fleet: its workers, how to connect to them, and when they change. The owner of
 * the workers implements this.
 */
import type { Duplex } from 'node:stream';
import type { HiveWorker } from '../contract/api/hive-api.ts';

export interface WorkerFleet {
  /** All workers, in any state. Called after each change, not for each request. */
  workers(): Iterable<FleetWorker>;
  /** Paths that the installed worker types can serve, whether such a worker runs or not; `/*` at the end takes all below. */
  servablePaths(): Iterable<string>;
  /** A machine is being connected to for the first time, and may have workers that are not known yet. */
  isGathering(): boolean;
  /** Makes a sleeping worker ready. Resolves when `workers` shows it as ready; rejects with the reason if it cannot be woken. */
  wake(key: string): Promise<unknown>;
  /** Returns a function that ends the subscription. */
  watch(watcher: FleetWatcher): () => void;
}

export interface FleetWorker {
  /** Unique in the fleet; `worker.id` is not. */
  key: string;
  /** Its names, paths and state, and the number of requests that its engine runs and has queued. */
  worker: HiveWorker;
  /** Its machine answers. */
  online: boolean;
  /** Its machine has only just stopped answering, and is being reconnected to. */
  returning?: boolean;
  /** Why no connection to it is allowed even when it is ready. */
  refused?: string;
  /** Connects to its machine; absent for workers on this machine. */
  dial?: Dial;
}

/** Connects to a loopback port of a worker's machine. */
export type Dial = (port: number) => Promise<Duplex>;

export interface FleetWatcher {
  /** `workers` or `servablePaths` may give something else from now on. */
  changed(): void;
  /** The machine of a worker no longer answers. */
  silent(key: string): void;
}
