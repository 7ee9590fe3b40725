/** A client of a queen, over its socket or the network: reads, jobs and their events. */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pathsFrom } from '../../config/paths.ts';
import { isOutcome, type JobEvent } from '../../contract/api/narration.ts';
import type { OperationInput, OperationName } from '../../contract/api/operations.ts';
import type { JobView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { WorkerName } from '../fleet/worker-key.ts';
import type { QueenAddress } from './address.ts';
import { requestJson } from './http.ts';
import { type LogOptions, workerLogs } from './logs.ts';
import type { OperationResult } from './results.ts';
import { type WatchOptions, watchJob } from './watch.ts';

export type { WatchOptions };

export interface RunOptions {
  /** Aborting cancels the job itself; `run` then throws its CANCELLED. */
  signal?: AbortSignal;
  /** Receives each event, including the outcome. */
  onEvent?: (event: JobEvent) => void;
  /** The job was accepted. */
  onStarted?: (jobId: string) => void;
  /** The same key returns the same job. Default: a new key. */
  idempotencyKey?: string;
}

export interface QueenClient {
  readonly address: QueenAddress;
  /** A read: `get<FleetStatus>('/v1/status')`. */
  get<Answer>(path: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Answer>;
  /** Starts an operation and gives the id of its job. */
  startJob<Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: { idempotencyKey?: string; signal?: AbortSignal },
  ): Promise<string>;
  /** The events of a job after number `after`, up to the outcome. Reconnects if the connection breaks. */
  watchJob(id: string, options?: WatchOptions): AsyncGenerator<JobEvent, void, undefined>;
  cancelJob(id: string): Promise<JobView>;
  /** Answers an `ask` event with the id `ask`. */
  answerJob(id: string, ask: string, answer: string): Promise<void>;
  /** The log of a worker as plain text. */
  logs(worker: WorkerName, options?: LogOptions): Promise<Readable>;
  /** Runs an operation and returns its result, or throws its error. */
  runOperation<Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: RunOptions,
  ): Promise<OperationResult<Name>>;
  /** Follows an existing job to its end. */
  followJob(
    id: string,
    options?: Omit<RunOptions, 'onStarted' | 'idempotencyKey'> & { after?: number },
  ): Promise<unknown>;
}

/**
 * A client of the queen at this socket, or at this URL with this key; by default, of the queen that this user's `rbee`
 * command uses on this machine. Connects on each call, not before. Calls throw only RbeeError.
 */
export const connectQueen = (address: QueenAddress = { socketPath: ownSocket() }): QueenClient => {
  const client: QueenClient = {
    address,
    get: (path, options) => requestJson(address, { path, ...options }),
    startJob: async (operation, input, options = {}) => {
      const headers = { 'idempotency-key': options.idempotencyKey ?? randomUUID() };
      const body = { operation, input };
      const request = { method: 'POST', path: '/v1/jobs', headers, body, signal: options.signal } as const;
      return (await requestJson<{ job_id: string }>(address, request)).job_id;
    },
    watchJob: (id, options) => watchJob(address, id, options),
    cancelJob: (id) => requestJson(address, { method: 'DELETE', path: jobPath(id) }),
    answerJob: (id, ask, answer) =>
      requestJson(address, { method: 'POST', path: `${jobPath(id)}/answers`, body: { id: ask, answer } }),
    logs: (worker, options) => workerLogs(address, worker, options),
    runOperation: async (operation, input, options = {}) => {
      options.signal?.throwIfAborted();
      const id = await client.startJob(operation, input, { idempotencyKey: options.idempotencyKey });
      options.onStarted?.(id);
      return (await client.followJob(id, options)) as OperationResult<typeof operation>;
    },
    followJob: (id, options = {}) => follow(client, id, options),
  };
  return client;
};

const ownSocket = (): string => pathsFrom(process.env).queenSocket;

const jobPath = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;

const follow = async (
  client: QueenClient,
  id: string,
  { signal, onEvent, after }: { signal?: AbortSignal; onEvent?: (event: JobEvent) => void; after?: number },
): Promise<unknown> => {
  // Continue to watch: only the job's outcome shows that it has really stopped.
  const cancel = () => void client.cancelJob(id).catch(() => {});
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    for await (const event of client.watchJob(id, { after })) {
      onEvent?.(event);
      if (!isOutcome(event)) continue;
      if (event.kind === 'error') throw RbeeError.from(event.error);
      return event.result;
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
  throw RbeeError.of('INTERNAL', {
    part: 'the queen',
    problem: `job ${id} ended without an outcome`,
    log: 'rbee queen logs',
  });
};
