/** The effects of a sync. The queen implements them over SSH, tests with a simulated fleet. */
import type { Narrate } from '../contract/api/narration.ts';
import type { ObservedHive, SyncStep } from '../contract/api/sync.ts';

export interface EffectCall {
  narrate: Narrate;
  /** After an abort, the call ends soon and leaves the machine in a state from which the next sync can continue. */
  signal: AbortSignal;
}

export interface Lease {
  /** Aborted with the reason when the lease is lost or cannot be renewed. */
  readonly lost: AbortSignal;
  /** Never throws. */
  release(): Promise<void>;
}

export interface SyncEffects {
  /** Observes the machine. An unreachable machine is a result, not an error. */
  observe(alias: string, call: EffectCall): Promise<ObservedHive>;
  /**
   * Performs one step, and returns once it is effective: a hive answers, a worker is ready. A step that is effective
   * already does nothing.
   */
  perform(alias: string, step: SyncStep, call: EffectCall): Promise<void>;
  /** Locks the machine against other syncs. Throws SYNC_LOCKED. */
  lease(alias: string, options: EffectCall & { takeOver: boolean }): Promise<Lease>;
}
