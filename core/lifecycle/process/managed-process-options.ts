/** What the owner of a process has to know, and what it shows. */
import type { Narrate } from '../../contract/narration.ts';
import type { RestartPolicy, WorkerFailure, WorkerState } from '../../contract/states.ts';
import type { Diagnosis, StopContract } from '../../contract/worker-type.ts';
import type { Confiner, Limits } from '../limits/limits.ts';
import type { Runner } from '../system/runner.ts';
import type { ObservedFailure } from './failure.ts';
import type { ProcessPlan } from './process-plan.ts';
import type { RunRecords } from './run-records.ts';

export interface PlanContext {
  /** 1 for the first try of a start; more when a port turned out to be taken. */
  attempt: number;
  /** One-time token of the ready callback, to be put into the plan's environment. */
  readyToken: string;
  /** Ports that turned out to be taken during this start; the plan must name another. */
  takenPorts: readonly number[];
  signal: AbortSignal;
}

export interface ManagedProcessOptions {
  id: string;
  records: RunRecords;
  /** State folder of its owner, which tells the process from those of other homes. */
  state?: string;
  logFile: string;
  policy: RestartPolicy;
  stop: StopContract;
  limits: Limits;
  /** What the owner needs to know it again; kept in the run record. */
  data: unknown;
  /** The hive's environment; the process gets a cleaned one. */
  env: NodeJS.ProcessEnv;
  /** Describes one start: called before every start. An RbeeError thrown here is what `ensureReady` throws. */
  plan: (context: PlanContext) => Promise<ProcessPlan>;
  /** Turns the last words of the process into a cause; `undefined` when nothing is recognised. */
  diagnose: (failure: ObservedFailure) => Promise<Diagnosis | undefined>;
  /** Removes secrets from a failure before it is stored or shown. */
  redact?: (text: string) => string;
  /** Takes secrets out of the log file, once the process that wrote it has ended. Must not throw. */
  scrub?: (logFile: string) => Promise<void>;
  /**
   * The environment that a plan describes with the values of secrets in place of their names: asked just before each start,
   * and kept nowhere.
   */
  resolveEnv?: (env: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
  /** Called after every change of `view`. */
  onChange: () => void;
  /** The port of a plan is not used by this process any more. */
  onPortFree?: (port: number) => void;
  narrate?: Narrate;
  /** Is a request under way? A busy process is not taken for a hung one by its deep check. */
  busy?: () => boolean;
  /** Resolves when no request is under way any more; given up after 30 s. */
  drain?: (options: { signal: AbortSignal }) => Promise<void>;
  clock?: Clock;
  /** This machine when absent. */
  runner?: Runner;
  /** Where scopes and limits come from; shared by all when absent. */
  confiner?: Confiner;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now: () => number;
  /** 0 to 1. */
  random: () => number;
}

export interface ProcessView {
  state: WorkerState;
  pid: number | null;
  port: number | null;
  /** ISO 8601. */
  startedAt: string | null;
  readyAt: string | null;
  /** 0 to 1, while loading. */
  progress: number | null;
  restarts: number;
  /** Restarts after it was killed from outside; they are among `restarts`. */
  kills: number;
  failure: WorkerFailure | null;
  /** It is ready, and its last health check failed. */
  suspect: boolean;
}

export interface WaitOptions {
  signal?: AbortSignal;
  narrate?: Narrate;
}

export interface StopOptions extends WaitOptions {
  /** Do not drain. */
  now?: boolean;
}

/** The narrated step under which a start is told; an owner that begins it itself uses the same id. */
export const startStep = (id: string): string => `start ${id}`;
