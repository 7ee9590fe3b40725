/** Workers of a hive without the hive: real processes of the fake engine, in their own folder. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import { RunRecords } from '../../lifecycle/process/run-records.ts';
import { fakeEngine, tempFolder, testPorts, undoAfter } from '../../lifecycle/process/testing.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { stateVariable, workerVariable } from '../../lifecycle/system/marks.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { LaunchDraft } from './launch-draft.ts';
import { Workers, type WorkersOptions } from './workers.ts';

export interface TestWorkers {
  workers: Workers;
  folder: string;
  runs: string;
  problems: string[];
  /** PIDs of every engine with this id, listed or not. */
  engines(id: string): Promise<number[]>;
  /** Spawns with options such as `flags` of the engine, and returns what went wrong, if anything. */
  spawn(id: string, options?: Record<string, unknown>): Promise<RbeeError | null>;
  remove(id: string): Promise<RbeeError | null>;
}

/** Every engine ends with the test. */
export const testWorkers = async (t: TestContext, more: Partial<WorkersOptions> = {}): Promise<TestWorkers> => {
  const folder = await tempFolder(t);
  return await workersIn(t, folder, more);
};

/** A later hive in the same folder; the earlier one must be closed. */
export const workersIn = async (
  t: TestContext,
  folder: string,
  more: Partial<WorkersOptions> = {},
): Promise<TestWorkers> => {
  const runs = join(folder, 'runs');
  const problems: string[] = [];
  const ids = new Set<string>();
  const workers = new Workers({
    hive: 'local',
    hiveSocket: join(folder, 'hive.sock'),
    env: process.env,
    state: folder,
    records: new RunRecords(runs),
    ports: testPorts(),
    handleOf: async () => fakeHandle,
    logFileOf: (id) => join(folder, 'logs', `worker-${id}.log`),
    onChange: () => {},
    onProblem: (message) => problems.push(message),
    prepare: async (spec) => fakeDraft(spec),
    needs: async () => null,
    ...more,
  });
  const engines = async (id: string) => {
    const pids: number[] = [];
    for (const { pid } of await localRunner.findByEnvironment(stateVariable, folder)) {
      if ((await localRunner.environment(pid))?.includes(`${workerVariable}=${id}`)) pids.push(pid);
    }
    return pids.sort((a, b) => a - b);
  };
  undoAfter(t, async () => {
    await workers.close();
    for (const id of ids) for (const pid of await engines(id)) await localRunner.signal({ pid }, 'SIGKILL');
  });
  const options = () => ({ signal: new AbortController().signal, narrate: () => {} });
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error) => {
        if (error instanceof RbeeError) return error;
        throw error;
      },
    );
  return {
    workers,
    folder,
    runs,
    problems,
    engines,
    spawn: (id, chosen = {}) => {
      ids.add(id);
      return outcome(workers.spawn({ type: 'fake', id, options: chosen }, options()));
    },
    remove: (id) => outcome(Promise.resolve().then(() => workers.delete(id, { ...options(), now: true }))),
  };
};

/** What a worker of the fake engine is started from. */
export const fakeDraft = (spec: WorkerSpec): LaunchDraft => ({
  type: 'fake',
  plugin: '@rbee-test/worker-fake',
  pluginRoot: '/',
  pluginVersion: '1.0.0',
  variant: 'cpu',
  device: 'cpu',
  reference: null,
  names: [spec.name ?? spec.id ?? 'fake'],
  models: {},
  options: spec.options ?? {},
  binary: { kind: 'module', id: 'fake-engine', path: fakeEngine, argv: [process.execPath, fakeEngine] },
  deviceFlags: { args: [], env: {} },
  apiKey: 'key',
  serves: [{ path: '/v1/chat/completions', kind: 'chat' }],
  health: { ready: { mode: 'poll', path: '/health' }, progressDeadlineMs: 15_000 },
  stop: { signals: [{ signal: 'SIGTERM', graceMs: 5_000 }] },
  load: null,
  estimate: null,
});

/** The type itself lives in another process; this only describes how its engine is started. */
const fakeHandle = {
  command: async ({ port, options }: { port: number; options: { flags?: string[] } }) => ({
    args: ['--port', String(port), ...(options.flags ?? [])],
    env: {},
  }),
  diagnose: async () => undefined,
} as unknown as WorkerTypeHandle;
