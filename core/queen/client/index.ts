/** The queen for programs: what `@rbee/core/client` exports. Light on purpose, the command line starts with it. */

export type { WorkerName } from '../fleet/worker-key.ts';
export { connectQueen, type QueenClient, type RunOptions, type WatchOptions } from './client.ts';
export type { LogOptions } from './logs.ts';
export type { Operations } from './results.ts';
