/** Waits for a thing to be so; how long that may take is a deadline, never a measure. */
import { setTimeout as delay } from 'node:timers/promises';

export const until = async <Value>(
  look: () => Value | Promise<Value>,
  { deadlineMs = 30_000, what = 'it' }: { deadlineMs?: number; what?: string } = {},
): Promise<NonNullable<Exclude<Value, false>>> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const began = performance.now();
    const value = await look();
    if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > end) throw new Error(`${what} did not come to be within ${deadlineMs / 1000} s`);
    // A look that takes long, such as a command, would keep a processor busy while there is nothing to see.
    await delay(Math.min(Math.max(20, 2 * (performance.now() - began)), 500));
  }
};

export { atFullScale, sampleOf, scaled } from '../scale.ts';
