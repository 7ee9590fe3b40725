/** Polls a condition: checks it at once, then with growing pauses. */
export interface UntilOptions {
  timeoutMs: number;
  /** Ends the wait early, as if the timeout had passed. */
  hurry?: AbortSignal;
  /** Checks again as soon as this settles. */
  sooner?: Promise<unknown>;
}

/** Whether the condition became true in time. */
export const until = async (isTrue: () => Promise<boolean>, options: UntilOptions): Promise<boolean> => {
  const deadline = performance.now() + options.timeoutMs;
  let sooner = options.sooner?.then(
    () => {},
    () => {},
  );
  for (let pause = 2; ; pause = Math.min(50, pause * 2)) {
    if (await isTrue()) return true;
    const left = deadline - performance.now();
    if (left <= 0 || options.hurry?.aborted) return false;
    // When `sooner` will announce it, polling is only the fallback.
    await nap(
      Math.min(left, sooner ? 50 : pause),
      options.hurry,
      sooner?.then(() => (sooner = undefined)),
    );
  }
};

const nap = (ms: number, hurry: AbortSignal | undefined, sooner: Promise<unknown> | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      hurry?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    hurry?.addEventListener('abort', end, { once: true });
    sooner?.then(end);
  });
