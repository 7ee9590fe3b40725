/** Waits for a condition that nobody announces: looks at once, then with growing pauses. */
export interface UntilOptions {
  timeoutMs: number;
  /** Ends the wait early, as if the time were up. */
  hurry?: AbortSignal;
  /** Looks again as soon as this settles. */
  sooner?: Promise<unknown>;
}

/** Did it become true in time? */
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
    // With an announcement to come, looking is only for the case that it never does.
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
