import type { WorkerType } from './worker-type.ts';

/** The version of the contract of worker types. */
export const workerTypeApiVersion: WorkerType['apiVersion'] = 1;
