/** Waits for running requests to finish. */
import type { Exit } from '../system/runner.ts';

const drainMs = 30_000;

/**
 * Waits until `drain` resolves, the process ends, `skip` aborts, or 30 s have passed. Aborts the signal given to
 * `drain` when the wait is over. Returns what went wrong, or null. Never throws.
 */
export const waitDrained = async (
  drain: (options: { signal: AbortSignal }) => Promise<void>,
  { skip, exited }: { skip: AbortSignal; exited: Promise<Exit> },
): Promise<string | null> => {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), drainMs);
  const signal = AbortSignal.any([limit.signal, skip]);
  const skipped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([drain({ signal }), skipped, exited]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
};
