/** What a sync does to the world. The queen does it over SSH, tests to a simulated fleet. */
import type { Narrate } from '../contract/narration.ts';
import type { ObservedHive, SyncStep } from '../contract/sync.ts';

export interface EffectCall {
  narrate: Narrate;
  /** Once aborted, the call ends as soon as it can, and leaves the machine so that the next sync can go on. */
  signal: AbortSignal;
}

export interface Lease {
  /** Aborted with the reason when the lease is lost to someone else, or cannot be kept. */
  readonly lost: AbortSignal;
  /** Never throws. */
  release(): Promise<void>;
}

export interface SyncEffects {
  /** Looks at the machine. One that cannot be reached is told as such, not thrown. */
  observe(alias: string, call: EffectCall): Promise<ObservedHive>;
  /**
   * Does one step, and is done only when it holds: a hive answers, a worker is ready. Doing a step that holds already does
   * nothing.
   */
  perform(alias: string, step: SyncStep, call: EffectCall): Promise<void>;
  /** Keeps other syncs from the machine. Throws SYNC_LOCKED. */
  lease(alias: string, options: EffectCall & { takeOver: boolean }): Promise<Lease>;
}
