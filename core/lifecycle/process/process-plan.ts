/** The description of one start of a process, and what is kept of it on disk. Plain data. */
import type { RestartPolicy } from '../../contract/states.ts';
import type { StopContract } from '../../contract/worker-type/worker-type.ts';
import type { Limits } from '../limits/limits.ts';

/** How a process shows that it is ready. In every mode, its port must be open and belong to its process group. */
export type ReadySpec =
  /** GET `url` until it answers 2xx; with `socketPath`, the host of the URL does not matter. */
  | {
      mode: 'poll';
      url: string;
      socketPath?: string;
      headers?: Readonly<Record<string, string>>;
      loadingStatus?: readonly number[];
      failedStatus?: readonly number[];
    }
  /** The process reports it, with the one-time token of its run record. */
  | { mode: 'callback' }
  /** A line of the log matches this regular expression. */
  | { mode: 'log'; pattern: string }
  /** A person or program reports it. */
  | { mode: 'manual' };

/** A cheap GET every five seconds while ready; after a failure, more frequent ones and an expensive one. */
export interface LiveSpec {
  url: string;
  headers?: Readonly<Record<string, string>>;
  deep?: { url: string; body: unknown };
  /** Milliseconds between two checks; 5,000 when absent. */
  everyMs?: number;
}

/** Requests that make a process free its memory and load it again. */
export interface SleepSpec {
  sleep: SleepRequest;
  wake: SleepRequest;
}

export interface SleepRequest {
  method: 'POST';
  url: string;
  headers?: Readonly<Record<string, string>>;
}

/** One start of a process. */
export interface ProcessPlan {
  /** Program and arguments; no shell is used. */
  argv: readonly string[];
  /** Added to the cleaned environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Loopback port that the process will listen on; null when it listens on none. */
  port: number | null;
  ready: ReadySpec;
  /** A regular expression with a group `percent`, for log lines that show progress. */
  progressPattern?: string;
  /** Milliseconds without any progress before the start is abandoned. */
  progressDeadlineMs: number;
  live?: LiveSpec;
  /** Requests for sleep and wake; absent if it cannot sleep. The name is part of the stored record. */
  rest?: SleepSpec;
}

/** Intent and identity of one process, in `runs/<id>.json`. Fields are only ever added. */
export interface RunRecord {
  id: string;
  /** Written before the spawn, and found in the environment of the process as RBEE_RUN_NONCE. */
  nonce: string;
  /** One-time token of the ready callback. */
  readyToken: string;
  /** What the owner wants. A record that wants `stopped` and has no process is kept for the next start. */
  wanted: 'running' | 'stopped';
  pid: number | null;
  /**
   * Start time as the kernel reports it; with the boot id, distinguishes the process from a later one with the same
   * PID.
   */
  startTime: string | null;
  bootId: string;
  port: number | null;
  /** ISO 8601. */
  spawnedAt: string | null;
  readyAt: string | null;
  /** It was ready once: it stays until it is deleted. Absent in records of older builds. */
  kept?: boolean;
  /** It was put to sleep, or is about to be. */
  asleep?: boolean;
  /** When it crashed, ISO 8601; the last five minutes only. */
  crashes: readonly string[];
  /** When it was killed from outside, in the same form. */
  kills?: readonly string[];
  /** Automatic restarts, ever. */
  restarts: number;
  /** Automatic restarts after a kill from outside; included in `restarts`. */
  killed?: number;
  policy: RestartPolicy;
  stop: StopContract;
  limits: Limits;
  /** Folder of the control group created for it, if any. */
  groupFolder?: string | null;
  logFile: string;
  /** Offset in the log file where the current process began to write. */
  logFrom?: number;
  /** The plan of the last start, so that readiness and liveness checks continue after adoption. */
  plan: ProcessPlan | null;
  /** Why it failed, if it did. */
  failure: unknown;
  /** Identifies it for its owner: a worker's spec, its plugin version. */
  data: unknown;
}
