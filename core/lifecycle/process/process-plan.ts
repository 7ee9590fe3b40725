/** What one start of a process is made from, and what is kept of it on disk. Plain data: whoever describes does not do. */
import type { RestartPolicy } from '../../contract/states.ts';
import type { StopContract } from '../../contract/worker-type.ts';
import type { Limits } from '../limits/limits.ts';

/** How readiness shows. The listening socket must belong to the process group whatever the mode, when there is a port. */
export type ReadySpec =
  /** GET `url` until it answers 2xx; a `socketPath` goes with a URL of any host. */
  | {
      mode: 'poll';
      url: string;
      socketPath?: string;
      headers?: Readonly<Record<string, string>>;
      loadingStatus?: readonly number[];
      failedStatus?: readonly number[];
    }
  /** The process reports by itself, with the one-time token of its run record. */
  | { mode: 'callback' }
  /** A line of the log matches this regular expression. */
  | { mode: 'log'; pattern: string }
  /** Someone says so. */
  | { mode: 'manual' };

/** A cheap GET every five seconds once ready; when that fails, closer ones and a dearer one. */
export interface LiveSpec {
  url: string;
  headers?: Readonly<Record<string, string>>;
  deep?: { url: string; body: unknown };
  /** Milliseconds between two questions; 5,000 when absent. */
  everyMs?: number;
}

/** Requests by which a process gives its memory back and takes it again. */
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
  /** Program and arguments; nothing goes through a shell. */
  argv: readonly string[];
  /** On top of the clean environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Loopback port that the process will listen on; null when it listens on none. */
  port: number | null;
  ready: ReadySpec;
  /** A line of the log that tells progress: a regular expression with a group `percent`. */
  progressPattern?: string;
  /** Milliseconds without any sign of progress before the start is given up. */
  progressDeadlineMs: number;
  live?: LiveSpec;
  /** Absent: it cannot sleep. */
  rest?: SleepSpec;
}

/** Intent and identity of one process, in `runs/<id>.json`. Fields are only ever added. */
export interface RunRecord {
  id: string;
  /** Found in the environment of the process as RBEE_RUN_NONCE; written before the spawn. */
  nonce: string;
  /** One-time token of the ready callback. */
  readyToken: string;
  /** What the owner wants: a record that wants `stopped` and has no process is just remembered. */
  wanted: 'running' | 'stopped';
  pid: number | null;
  /** Start of the process as the kernel tells it; with the boot id it tells a process from a later one of the same PID. */
  startTime: string | null;
  bootId: string;
  port: number | null;
  /** ISO 8601. */
  spawnedAt: string | null;
  readyAt: string | null;
  /** It was ready once: its spawn is over, and it stays until it is deleted. Records of older builds lack this. */
  kept?: boolean;
  /** It was put to sleep, or is about to be. */
  asleep?: boolean;
  /** When it crashed, ISO 8601, the last five minutes only. */
  crashes: readonly string[];
  /** When it was killed from outside, likewise. */
  kills?: readonly string[];
  /** Restarts by itself, ever. */
  restarts: number;
  /** Of these, those after it was killed from outside. */
  killed?: number;
  policy: RestartPolicy;
  stop: StopContract;
  limits: Limits;
  /** Folder of the control group that was made for it, if one was. */
  groupFolder?: string | null;
  logFile: string;
  /** Where in the log file the present process began to write. */
  logFrom?: number;
  /** The plan of the last start, so that readiness and liveness go on after adoption. */
  plan: ProcessPlan | null;
  /** Why it failed, if it did. */
  failure: unknown;
  /** What the owner needs to know it again: a worker's spec, its plugin version. */
  data: unknown;
}
