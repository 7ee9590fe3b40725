/** Starts a worker of this type on one of its engines. */
import { join } from 'node:path';
import {
  launchWorker as launch,
  resolveType,
  startWorker as start,
  type TestLaunch,
  type TestWorker,
} from '@rbee/test/plugin-worker';
import type from '../index.ts';

export { freePort, readEvents, until } from '@rbee/test/plugin-worker';
export type Worker = TestWorker;

export interface Engine {
  name: string;
  /** `llama-server` or `builtin`. */
  id: string;
  argv: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export interface WorkerRequest extends Pick<TestLaunch, 'options' | 'names' | 'port' | 'env' | 'probes'> {
  model: string;
}

export const builtin: Engine = {
  name: 'builtin',
  id: 'builtin',
  argv: [process.execPath, join(import.meta.dirname, '../server/main.ts')],
};
export const standIn: Engine = {
  name: 'llama-server stand-in',
  id: 'llama-server',
  argv: [process.execPath, join(import.meta.dirname, 'llama-server-stand-in.ts')],
};

const plugin = resolveType(type);

/** Starts the process without waiting. */
export const launchWorker = (engine: Engine, request: WorkerRequest): Promise<Worker> =>
  launch(testLaunch(engine, request));

/** Starts a worker and waits until it is ready. */
export const startWorker = (engine: Engine, request: WorkerRequest): Promise<Worker> =>
  start(testLaunch(engine, request));

const testLaunch = (engine: Engine, { model, options, env, ...rest }: WorkerRequest): TestLaunch => ({
  type: plugin,
  argv: engine.argv,
  binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? '', argv: engine.argv },
  models: { main: model },
  // Workers of several tests share the machine; more threads only slow each other down.
  options: { threads: 1, ...options },
  env: { ...engine.env, ...env },
  ...rest,
});
