/** A client of the queen over her socket: reads, jobs and their events. */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pathsFrom } from '../../config/paths.ts';
import { RbeeError } from '../../contract/errors.ts';
import { isOutcome, type JobEvent } from '../../contract/narration.ts';
import type { OperationInput, OperationName } from '../../contract/operations.ts';
import type { JobView } from '../../contract/queen-api.ts';
import type { WorkerName } from '../fleet/worker-key.ts';
import { requestJson } from './http.ts';
import { type LogOptions, workerLogs } from './logs.ts';
import type { OperationResult } from './results.ts';
import { type WatchOptions, watchJob } from './watch.ts';

export type { WatchOptions };

export interface RunOptions {
  /** Aborting cancels the job, for real; `run` then throws the CANCELLED with which it ended. */
  signal?: AbortSignal;
  /** Each event in turn, the outcome too. */
  onEvent?: (event: JobEvent) => void;
  /** The job has been accepted. */
  onStarted?: (jobId: string) => void;
  /** The same key gives the same job; a fresh one when absent. */
  idempotencyKey?: string;
}

export interface QueenClient {
  readonly socketPath: string;
  /** A read: `get<FleetStatus>('/v1/status')`. */
  get<Answer>(path: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Answer>;
  /** Starts an operation and gives the id of its job. */
  startJob<Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: { idempotencyKey?: string; signal?: AbortSignal },
  ): Promise<string>;
  /** The events of a job after number `after`, the outcome last; connects again when the connection breaks. */
  watchJob(id: string, options?: WatchOptions): AsyncGenerator<JobEvent, void, undefined>;
  cancelJob(id: string): Promise<JobView>;
  /** Answers an `ask` event; `ask` is its id. */
  answerJob(id: string, ask: string, answer: string): Promise<void>;
  /** The log of a worker, plain text. */
  logs(worker: WorkerName, options?: LogOptions): Promise<Readable>;
  /** Runs an operation to its end: its result, or its error thrown. */
  runOperation<Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: RunOptions,
  ): Promise<OperationResult<Name>>;
  /** Follows a job that someone else started to its end. */
  followJob(
    id: string,
    options?: Omit<RunOptions, 'onStarted' | 'idempotencyKey'> & { after?: number },
  ): Promise<unknown>;
}

/**
 * A client of the queen at this socket; without one, of the queen that the `rbee` command of this user talks to. Connects
 * to nothing yet: each call makes a connection of its own. Every call throws RbeeError only.
 */
export const connectQueen = ({ socketPath = ownSocket() }: { socketPath?: string } = {}): QueenClient => {
  const client: QueenClient = {
    socketPath,
    get: (path, options) => requestJson(socketPath, { path, ...options }),
    startJob: async (operation, input, options = {}) => {
      const headers = { 'idempotency-key': options.idempotencyKey ?? randomUUID() };
      const body = { operation, input };
      const request = { method: 'POST', path: '/v1/jobs', headers, body, signal: options.signal } as const;
      return (await requestJson<{ job_id: string }>(socketPath, request)).job_id;
    },
    watchJob: (id, options) => watchJob(socketPath, id, options),
    cancelJob: (id) => requestJson(socketPath, { method: 'DELETE', path: jobPath(id) }),
    answerJob: (id, ask, answer) =>
      requestJson(socketPath, { method: 'POST', path: `${jobPath(id)}/answers`, body: { id: ask, answer } }),
    logs: (worker, options) => workerLogs(socketPath, worker, options),
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
  // The events are watched to the end all the same: the job tells when it has really stopped.
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
  throw RbeeError.of('INTERNAL', { part: 'the queen', problem: `job ${id} told no outcome`, log: 'rbee queen logs' });
};
