/**
 * What the lifecycle needs of a machine. Everything that starts, stops or looks at a daemon is written against this, so
 * that it is the same for this machine and for one that is reached over SSH.
 */
import type { HttpAnswer, HttpRequest } from './http-request.ts';

export interface RunOptions {
  /** The whole environment of the program. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Milliseconds; the program and its group are then killed. None when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
  input?: string;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  /** Null when it was ended by a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  /** The whole environment of the process. */
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Gets stdout and stderr, appended. */
  logFile: string;
}

/** How a process ended. Both null: it is gone and nobody knows how. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Spawned {
  pid: number;
  /** Settles when the process has ended, where the runner is its parent; never rejects. */
  exited?: Promise<Exit>;
}

/** What tells a process from every other, also from a later one with the same PID. */
export interface ProcessIdentity {
  pid: number;
  /** As the kernel tells it; meaningful only together with the boot id. */
  startTime: string;
  bootId: string;
  /** Process group; equal to `pid` for a leader. */
  group: number;
}

export interface ProcessDescription {
  /** Milliseconds since 1970 by that machine's clock. */
  startedAt: number;
  argv: readonly string[];
  /** Working folder; absent where the system does not tell. */
  cwd?: string;
}

export type SignalTarget = { pid: number } | { group: number };

export interface Runner {
  /** Where things run, for messages. */
  readonly name: string;
  /** PID of this process there; absent on another machine. */
  readonly ownPid?: number;
  /** Runs a program to its end, whatever its exit code. Nothing goes through a shell. Rejects when it cannot be started or is aborted. */
  run(argv: readonly string[], options: RunOptions): Promise<RunResult>;
  /**
   * Starts a process that outlives its starter: own session and group, no stdin, umask 077. Rejects with the system's
   * error (ENOENT, EACCES, EMFILE, …) when it cannot be started.
   */
  spawnDetached(argv: readonly string[], options: SpawnOptions): Promise<Spawned>;
  /** Text of a file; null when there is none. */
  read(path: string): Promise<string | null>;
  /** The last lines of a file; none when there is no such file. */
  tail(path: string, lines: number): Promise<string[]>;
  /** Replaces a file at once or not at all; mode 0600 unless told. Throws STATE_UNWRITABLE. */
  write(path: string, data: string, options?: { mode?: number }): Promise<void>;
  /** When a file was last written, in milliseconds since 1970 by that machine's clock; null when there is none. */
  writtenAt(path: string): Promise<number | null>;
  /** Removes a file; nothing happens when there is none. */
  remove(path: string): Promise<void>;
  /** Names in a folder; none when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Makes a folder and those above it (0700). */
  mkdir(folder: string): Promise<void>;
  /** Copies a local file there. */
  upload(localPath: string, path: string): Promise<void>;
  /** False when there was nobody to signal. Throws the system's error otherwise (EPERM). */
  signal(target: SignalTarget, signal: NodeJS.Signals): Promise<boolean>;
  /** Null when there is no such process, or only its remains (a zombie). */
  identity(pid: number): Promise<ProcessIdentity | null>;
  /** Living processes of a group, zombies left out. */
  groupMembers(group: number): Promise<number[]>;
  /** Milliseconds of processor time that these processes have used; null where nobody can tell. */
  cpuMs?(pids: readonly number[]): Promise<number | null>;
  /** Has a signal (SIGSTOP) stopped it? Absent where nothing tells. */
  isStopped?(pid: number): Promise<boolean>;
  /** Living processes that carry `name=value` in their environment, as far as this user may look. */
  findByEnvironment(name: string, value: string): Promise<ProcessIdentity[]>;
  /** Environment at its start, `NAME=value` each; null when nobody may look. Some programs overwrite their own. */
  environment(pid: number): Promise<readonly string[] | null>;
  /** What the process is; null when gone. */
  describe(pid: number): Promise<ProcessDescription | null>;
  /** An HTTP request as that machine would make it. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Waits for a lock that dies with its holder; the answer gives it back. Throws TIMEOUT. */
  lock(path: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<() => void>;
}
