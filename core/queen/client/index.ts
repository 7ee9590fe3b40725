/** The public client, exported as `@rbee/core/client`. Kept light, because the command line starts with it. */

export type { HiveWorker } from '../../contract/api/hive-api.ts';
export type { JobEvent } from '../../contract/api/narration.ts';
export type { OperationInput, OperationName } from '../../contract/api/operations.ts';
export type { FleetStatus, HiveView, JobView, WorkerList } from '../../contract/api/queen-api.ts';
export { type ErrorBody, RbeeError } from '../../contract/errors.ts';
export type { WorkerSpec, WorkerView } from '../../contract/worker.ts';
export type { WorkerName } from '../fleet/worker-key.ts';
export type { OwnQueen, QueenAddress, RemoteQueen } from './address.ts';
export { connectQueen, type QueenClient, type RunOptions, type WatchOptions } from './client.ts';
export type { LogOptions } from './logs.ts';
export type { Operations } from './results.ts';
