/** Logs of a worker, forwarded by the queen. */
import type { Readable } from 'node:stream';
import type { WorkerName } from '../fleet/worker-key.ts';
import type { QueenAddress } from './address.ts';
import { openStream } from './http.ts';

export interface LogOptions {
  /** How many of the last lines to start with; 100 by default. */
  lines?: number;
  /** Continue with new lines until aborted. */
  follow?: boolean;
  signal?: AbortSignal;
}

/**
 * Plain text as the worker wrote it. Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, QUEEN_NOT_RUNNING.
 */
export const workerLogs = (
  address: QueenAddress,
  { worker, hive }: WorkerName,
  options: LogOptions = {},
): Promise<Readable> => {
  const query = new URLSearchParams({
    ...(hive !== undefined && { hive }),
    lines: String(options.lines ?? 100),
    follow: String(options.follow ?? false),
  });
  return openStream(address, {
    path: `/v1/workers/${encodeURIComponent(worker)}/logs?${query}`,
    signal: options.signal,
  });
};
