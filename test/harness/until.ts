/** Waits for a thing to be so; how long that may take is a deadline, never a measure. */
import { setTimeout as delay } from 'node:timers/promises';

export const until = async <Value>(
  look: () => Value | Promise<Value>,
  { deadlineMs = 30_000, what = 'it' }: { deadlineMs?: number; what?: string } = {},
): Promise<NonNullable<Exclude<Value, false>>> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > end) throw new Error(`${what} did not come to be within ${deadlineMs / 1000} s`);
    await delay(20);
  }
};

export { atFullScale, scaled } from '../scale.ts';
