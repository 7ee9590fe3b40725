/** Retries of steps with transient errors. */
import type { ErrorCode } from '../contract/errors.ts';

/** Transient errors of networks, servers and machines that are starting. None needs a person. */
const transientCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DOWNLOAD_FAILED',
  'HIVE_UNREACHABLE',
  'MODEL_DOWNLOAD_FAILED',
  'MODEL_HUB_FAILED',
  'MODEL_HUB_TIMEOUT',
  'MODEL_HUB_UNREACHABLE',
  'NO_FREE_PORT',
  'REGISTRY_UNREACHABLE',
  'SSH_CONNECTION_LOST',
  'SSH_UNREACHABLE',
  'TIMEOUT',
  'UPLOAD_FAILED',
]);

export const isTransient = (code: ErrorCode): boolean => transientCodes.has(code);

export interface RetryPolicy {
  /** Attempts in total. */
  attempts: number;
  /** Delay before the second attempt; doubles for each later one, up to `maxMs`. */
  firstMs: number;
  maxMs: number;
}

export const defaultRetries: RetryPolicy = { attempts: 4, firstMs: 1_000, maxMs: 15_000 };

/** Delay after this many attempts, with jitter: a fleet that lost its network must not come back all at once. */
export const backOffMs = ({ firstMs, maxMs }: RetryPolicy, tries: number, random: number): number =>
  Math.min(maxMs, firstMs * 2 ** (tries - 1)) * (0.5 + random / 2);
