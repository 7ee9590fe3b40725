/** Logs of a worker as the queen passes them on. */
import type { Readable } from 'node:stream';
import type { WorkerName } from '../fleet/worker-key.ts';
import { openStream } from './http.ts';

export interface LogOptions {
  /** How many of the last lines to begin with; 100 when absent. */
  lines?: number;
  /** Go on with what is written from now on, until aborted. */
  follow?: boolean;
  signal?: AbortSignal;
}

/** Plain text as the worker wrote it. Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, QUEEN_NOT_RUNNING. */
export const workerLogs = (
  socketPath: string,
  { worker, hive }: WorkerName,
  options: LogOptions = {},
): Promise<Readable> => {
  const query = new URLSearchParams({
    ...(hive !== undefined && { hive }),
    lines: String(options.lines ?? 100),
    follow: String(options.follow ?? false),
  });
  return openStream(socketPath, {
    path: `/v1/workers/${encodeURIComponent(worker)}/logs?${query}`,
    signal: options.signal,
  });
};
