/** The contract between the parts of rbee, and with plugins. */
export * from './api-version.ts';
export * from './device.ts';
export * from './errors.ts';
export * from './hive-api.ts';
export * from './model-reference.ts';
export * from './models.ts';
export * from './narration.ts';
export * from './plugins.ts';
export * from './queen-api.ts';
export * from './states.ts';
export * from './sync.ts';
export type { WorkerSpec, WorkerView } from './worker.ts';
export * from './worker-type.ts';
