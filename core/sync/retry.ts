/** Trying again what may work a moment later. */
import type { ErrorCode } from '../contract/errors.ts';

/** Errors of networks, servers and machines that are just coming up: none of them needs a person. */
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
  /** Tries in all. */
  attempts: number;
  /** Before the second try; doubled for each later one, and at most `mostMs`. */
  firstMs: number;
  mostMs: number;
}

export const usualRetries: RetryPolicy = { attempts: 4, firstMs: 1_000, mostMs: 15_000 };

/** How long to wait after this many tries. A fleet that lost its network together must not come back in step. */
export const backOffMs = ({ firstMs, mostMs }: RetryPolicy, tries: number, random: number): number =>
  Math.min(mostMs, firstMs * 2 ** (tries - 1)) * (0.5 + random / 2);
