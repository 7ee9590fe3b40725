/** Restarts a hive whose process ended: applies the revival policy and owns its timer. */
import { decideRevival, type HiveSituation, nextBackoffMs } from './revival-policy.ts';

export interface HiveSupervisorOptions {
  /** The current situation of the hive. */
  situation: () => Pick<HiveSituation, 'wanted' | 'busy' | 'heard'>;
  /** Starts the hive, and reports its own errors. */
  start: () => void;
}

export class HiveSupervisor {
  readonly #options: HiveSupervisorOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastAttempt: { backoffMs: number; at: number } | null = null;

  constructor(options: HiveSupervisorOptions) {
    this.#options = options;
  }

  /** Call this whenever heartbeats break or cannot be opened. */
  onHeartbeatLost({ machineAnswers }: Pick<HiveSituation, 'machineAnswers'>): void {
    const retry = this.#timer ? 'planned' : 'none';
    if (decideRevival({ ...this.#options.situation(), machineAnswers, retry }) !== 'wait') return;
    const backoffMs = nextBackoffMs(this.#lastAttempt, performance.now());
    this.#timer = setTimeout(() => this.#onDue(backoffMs), backoffMs).unref();
  }

  /** Drops a planned start. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The next start waits for the shortest back-off only. */
  resetBackoff(): void {
    this.#lastAttempt = null;
  }

  /** The machine answered when the start was planned; the start itself finds out if it still does. */
  #onDue(backoffMs: number): void {
    this.#timer = undefined;
    this.#lastAttempt = { backoffMs, at: performance.now() };
    const situation = { ...this.#options.situation(), machineAnswers: true, retry: 'due' as const };
    if (decideRevival(situation) === 'start') this.#options.start();
  }
}
