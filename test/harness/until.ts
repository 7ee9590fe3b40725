/** Waits for a condition. The deadline only bounds a failing test; it never measures how long something takes. */
import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  deadlineMs?: number;
  what?: string;
  /** Minimum pause between two polls. */
  pauseMs?: number;
  /** Maximum pause after a slow poll. */
  maxBackoffMs?: number;
}

export const until = async <Value>(
  look: () => Value | Promise<Value>,
  { deadlineMs = 30_000, what = 'it', pauseMs = 20, maxBackoffMs = 500 }: UntilOptions = {},
): Promise<NonNullable<Exclude<Value, false>>> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const began = performance.now();
    const value = await look();
    if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > end) throw new Error(`${what} did not happen within ${deadlineMs / 1000} s`);
    // Wait longer after a slow poll, such as a command, so that polling does not keep a CPU busy.
    await delay(Math.max(pauseMs, Math.min(2 * (performance.now() - began), maxBackoffMs)));
  }
};

export { atFullScale, sampleOf, scaled } from '../scale.ts';
