/** Retries requests that failed for a temporary reason. */
import { setTimeout as delay } from 'node:timers/promises';
import { HttpFailure } from './http-failure.ts';

export interface RetryPolicy {
  /** Milliseconds without a byte after which a connection counts as dead. */
  idleTimeoutMs: number;
  /** Attempts in a row without any progress. */
  maxAttempts: number;
  /** Milliseconds before the second attempt; doubled for each later one. */
  backoffMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { idleTimeoutMs: 30_000, maxAttempts: 5, backoffMs: 500 };

export interface RetryOptions {
  retry: RetryPolicy;
  signal: AbortSignal;
  /** Grows with what has arrived: an attempt that made progress resets the count. */
  progress?: () => number;
  onRetry?: (failure: HttpFailure) => void;
}

const maxBackoffMs = 30_000;

/** Rejects with the last failure, or with the signal's reason. */
export const withRetries = async <Result>(
  work: () => Promise<Result>,
  { retry, signal, progress = () => 0, onRetry }: RetryOptions,
): Promise<Result> => {
  for (let failures = 0; ; ) {
    const before = progress();
    try {
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof HttpFailure) || !thrown.retryable) throw thrown;
      failures = progress() > before ? 1 : failures + 1;
      if (failures >= retry.maxAttempts) throw thrown;
      onRetry?.(thrown);
      const backoff = retry.backoffMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await delay(Math.min(maxBackoffMs, Math.max(thrown.waitMs, backoff)), undefined, { signal });
    }
  }
};
