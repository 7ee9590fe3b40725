/** Shared by the tests of the lifecycle: folders and processes that end with the test. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { scriptBeside } from '../../config/script-beside.ts';
import { localRunner } from '../system/local-runner.ts';
import { stateVariable } from '../system/marks.ts';
import { PortPool } from '../system/ports.ts';
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.ts';
import type { ProcessPlan } from './process-plan.ts';
import { RunRecords } from './run-records.ts';

export const fakeEngine = scriptBeside(join(import.meta.dirname, '../../conformance/fake-engine.ts'), 'fake-engine');

type Cleanup = () => unknown;
const cleanups = new WeakMap<object, Cleanup[]>();

/** Undoes in reverse order: owners are closed before processes are killed, and folders are removed last. */
export const undoAfter = (t: Pick<TestContext, 'after'>, undo: Cleanup): void => {
  const known = cleanups.get(t);
  if (known) {
    known.push(undo);
    return;
  }
  const all = [undo];
  cleanups.set(t, all);
  t.after(async () => {
    for (const each of all.reverse()) await each();
  });
};

export const tempFolder = async (t: Pick<TestContext, 'after'>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-lifecycle-'));
  undoAfter(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
};

/** Polls until `look` returns something other than null, undefined or false. */
export const eventually = async <Value>(
  look: () => Value | Promise<Value>,
  what = 'it',
): Promise<NonNullable<Exclude<Value, false>>> => {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await look();
    if (value !== null && value !== undefined && value !== false) return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** Names in a process's environment, sorted, without those of coverage. */
export const environmentOf = async (pid: number): Promise<string[]> =>
  (await readFile(`/proc/${pid}/environ`, 'utf8'))
    .split('\0')
    .map((entry) => entry.split('=', 1)[0] ?? '')
    .filter((name) => name !== '' && name !== 'NODE_V8_COVERAGE')
    .sort();

/** Whether the process is gone, or only a zombie. */
export const isGone = async (pid: number): Promise<boolean> => (await localRunner.identity(pid)) === null;

/** Kills those that are left when the test ends. */
export const killAfter = (t: Pick<TestContext, 'after'>): { pids: Set<number> } => {
  const pids = new Set<number>();
  undoAfter(t, () => {
    for (const pid of pids) {
      for (const target of [-pid, pid]) {
        try {
          process.kill(target, 'SIGKILL');
        } catch {
          // Already gone, as it should be.
        }
      }
    }
  });
  return { pids };
};

let nextRange = 19_000 + (process.pid % 250) * 40;

/** Ports that other test processes rarely use at the same time; taken ones are skipped anyway. */
export const testPorts = (): PortPool => {
  const first = nextRange;
  nextRange += 20;
  return new PortPool(`${first}-${first + 19}`, { restMs: 0 });
};

export interface TestProcess {
  managed: ManagedProcess;
  records: RunRecords;
  folder: string;
  /** States in the order shown, without repetitions. */
  states: string[];
  freed: number[];
  narrated: string[];
  /** Ports of the plans that were made. */
  planned: number[];
}

/** A managed fake engine; it is killed when the test ends. */
export const manageFake = async (
  t: TestContext,
  flags: readonly string[],
  more: Partial<ManagedProcessOptions> & {
    change?: (plan: ProcessPlan) => ProcessPlan;
    folder?: string;
    id?: string;
  } = {},
): Promise<TestProcess> => {
  const { change = (plan) => plan, id = 'fake-1', folder = await tempFolder(t), ...options } = more;
  const records = new RunRecords(join(folder, 'runs'));
  const ports = testPorts();
  const states: string[] = [];
  const [freed, planned, narrated]: [number[], number[], string[]] = [[], [], []];
  const { pids } = killAfter(t);
  // Also kills what has left its group.
  undoAfter(t, async () => {
    for (const { pid } of await localRunner.findByEnvironment(stateVariable, folder)) {
      await localRunner.signal({ pid }, 'SIGKILL');
    }
  });
  const managed: ManagedProcess = new ManagedProcess({
    id,
    records,
    state: folder,
    logFile: join(folder, 'logs', `${id}.log`),
    policy: 'on-failure',
    stop: { signals: [{ signal: 'SIGTERM', graceMs: 5000 }] },
    limits: {},
    data: { spec: id },
    env: process.env,
    clock: { now: Date.now, random: () => 0 },
    plan: async ({ takenPorts, readyToken }) => {
      const port = await ports.take({ except: takenPorts });
      planned.push(port);
      return change({
        argv: [process.execPath, fakeEngine, '--port', String(port), ...flags],
        env: { RBEE_READY_TOKEN: readyToken },
        cwd: folder,
        port,
        ready: { mode: 'poll', url: `http://127.0.0.1:${port}/health` },
        progressPattern: 'loading (?<percent>\\d+)%',
        progressDeadlineMs: 15_000,
      });
    },
    diagnose: async () => undefined,
    onPortFree: (port) => {
      freed.push(port);
      ports.release(port);
    },
    onChange: () => {
      const { state, pid } = managed.view;
      if (pid !== null) pids.add(pid);
      if (states.at(-1) !== state) states.push(state);
    },
    narrate: (event) => {
      if ('text' in event && event.text) narrated.push(event.text);
    },
    ...options,
  });
  undoAfter(t, () => managed.close());
  return { managed, records, folder, states, freed, narrated, planned };
};
