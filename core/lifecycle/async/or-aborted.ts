/** Waits for work that continues even if this caller stops waiting. */

/** Rejects when `signal` aborts first: with `reason()`, or with the reason of the signal. */
export const orAborted = <Result>(
  work: Promise<Result>,
  signal?: AbortSignal,
  reason: (signal: AbortSignal) => unknown = (aborted) => aborted.reason,
): Promise<Result> => {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(reason(signal));
    const forget = () => signal.removeEventListener('abort', onAbort);
    work.then(resolve, reject).finally(forget);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
};
