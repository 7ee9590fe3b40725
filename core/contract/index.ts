/** The contract between the parts of rbee, and with plugins. */

export * from './api/hive-api.ts';
export * from './api/narration.ts';
export * from './api/queen-api.ts';
export * from './api/sync.ts';
export * from './device.ts';
export * from './errors.ts';
export * from './model-reference.ts';
export * from './models.ts';
export * from './plugins.ts';
export * from './states.ts';
export type { WorkerSpec, WorkerView } from './worker.ts';
export * from './worker-type/api-version.ts';
export * from './worker-type/worker-type.ts';
