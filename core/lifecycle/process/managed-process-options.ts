/** What the owner of a process needs to know, and what it shows. */
import type { Narrate } from '../../contract/api/narration.ts';
import type { RestartPolicy, WorkerFailure, WorkerState } from '../../contract/states.ts';
import type { Diagnosis, StopContract } from '../../contract/worker-type/worker-type.ts';
import type { Confiner, Limits } from '../limits/limits.ts';
import type { Runner } from '../system/runner.ts';
import type { ObservedFailure } from './failure.ts';
import type { ProcessPlan } from './process-plan.ts';
import type { RunRecords } from './run-records.ts';

export interface PlanContext {
  /** 1 for the first attempt of a start; more after a port was taken. */
  attempt: number;
  /** One-time token of the ready callback, for the plan's environment. */
  readyToken: string;
  /** Ports found taken during this start; the plan must use another one. */
  takenPorts: readonly number[];
  signal: AbortSignal;
}

export interface ManagedProcessOptions {
  id: string;
  records: RunRecords;
  /** State folder of its owner: distinguishes the process from those of other homes. */
  state?: string;
  logFile: string;
  policy: RestartPolicy;
  stop: StopContract;
  limits: Limits;
  /** Identifies the process for its owner after a restart; kept in the run record. */
  data: unknown;
  /** The hive's environment, which is cleaned for the process. */
  env: NodeJS.ProcessEnv;
  /** Plans one start; called before every start. `ensureReady` throws any RbeeError thrown here. */
  plan: (context: PlanContext) => Promise<ProcessPlan>;
  /** Finds a cause in the last output of the process; `undefined` when it recognises nothing. */
  diagnose: (failure: ObservedFailure) => Promise<Diagnosis | undefined>;
  /** Removes secrets from a failure before it is stored or shown. */
  redact?: (text: string) => string;
  /** Removes secrets from the log file after the process has ended. Must not throw. */
  scrub?: (logFile: string) => Promise<void>;
  /**
   * Replaces names of secrets in a plan's environment with their values. Called just before each start; the result is
   * not stored.
   */
  resolveEnv?: (env: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
  /** Called after every change of `view`. */
  onChange: () => void;
  /** This process no longer uses the port of its plan. */
  onPortFree?: (port: number) => void;
  narrate?: Narrate;
  /** Whether a request is running. The deep check does not take a busy process for a hung one. */
  busy?: () => boolean;
  /** Resolves when no request is running any more; abandoned after 30 s. */
  drain?: (options: { signal: AbortSignal }) => Promise<void>;
  clock?: Clock;
  /** The local machine when absent. */
  runner?: Runner;
  /** Provides scopes and limits; shared by all processes when absent. */
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
  /** Restarts after it was killed from outside; included in `restarts`. */
  kills: number;
  failure: WorkerFailure | null;
  /** The last health check of a ready process failed. */
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

/** Id of the narrated step of a start; an owner that opens the step itself uses the same id. */
export const startStep = (id: string): string => `start ${id}`;
