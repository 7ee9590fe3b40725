/**
 * What the lifecycle needs from a machine. Everything that starts, stops or examines a daemon uses this interface, so
 * that it works the same on this machine and over SSH.
 */
import type { HttpAnswer, HttpRequest } from './http-request.ts';

export interface RunOptions {
  /** The whole environment of the program. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Milliseconds until the program and its group are killed. No limit when absent. */
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
  /** Receives stdout and stderr, appended. */
  logFile: string;
}

/** How a process ended. Both null: it is gone, and how it ended is unknown. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Spawned {
  pid: number;
  /** Settles when the process has ended, if the runner is its parent; never rejects. */
  exited?: Promise<Exit>;
}

/** Distinguishes a process from every other, also from a later one with the same PID. */
export interface ProcessIdentity {
  pid: number;
  /** As the kernel reports it; meaningful only together with the boot id. */
  startTime: string;
  bootId: string;
  /** Process group; equal to `pid` for a leader. */
  group: number;
}

export interface ProcessDescription {
  /** Milliseconds since 1970 by that machine's clock. */
  startedAt: number;
  argv: readonly string[];
  /** Working folder; absent where the system does not report it. */
  cwd?: string;
}

export type SignalTarget = { pid: number } | { group: number };

export interface Runner {
  /** Name of the machine, for messages. */
  readonly name: string;
  /** PID of this process on that machine; absent on another machine. */
  readonly ownPid?: number;
  /**
   * Runs a program to its end, whatever its exit code, without a shell. Rejects when it cannot be started or is
   * aborted.
   */
  run(argv: readonly string[], options: RunOptions): Promise<RunResult>;
  /**
   * Starts a process that outlives its starter: own session and group, no stdin, umask 077. Rejects with the system's
   * error (ENOENT, EACCES, EMFILE, …) when it cannot be started.
   */
  spawnDetached(argv: readonly string[], options: SpawnOptions): Promise<Spawned>;
  /** Text of a file; null when it does not exist. */
  read(path: string): Promise<string | null>;
  /** The last lines of a file; empty when it does not exist. */
  tail(path: string, lines: number): Promise<string[]>;
  /** Replaces a file atomically; mode 0600 by default. Throws STATE_UNWRITABLE. */
  write(path: string, data: string, options?: { mode?: number }): Promise<void>;
  /** When a file was last written, in milliseconds since 1970 by that machine's clock; null when it does not exist. */
  writtenAt(path: string): Promise<number | null>;
  /** Removes a file; does nothing when it does not exist. */
  remove(path: string): Promise<void>;
  /** Names in a folder; empty when it does not exist. */
  list(folder: string): Promise<string[]>;
  /** Creates a folder and its parents (0700). */
  mkdir(folder: string): Promise<void>;
  /** Copies a local file to that machine. */
  upload(localPath: string, path: string): Promise<void>;
  /** False when no process was found. Throws any other system error (EPERM). */
  signal(target: SignalTarget, signal: NodeJS.Signals): Promise<boolean>;
  /** Null when there is no such process, or only a zombie. */
  identity(pid: number): Promise<ProcessIdentity | null>;
  /** Living processes of a group, without zombies. */
  groupMembers(group: number): Promise<number[]>;
  /** Milliseconds of processor time that these processes have used; null where that is unknown. */
  cpuMs?(pids: readonly number[]): Promise<number | null>;
  /** Whether a signal (SIGSTOP) has stopped it. Absent where the system does not report it. */
  isStopped?(pid: number): Promise<boolean>;
  /** Living processes with `name=value` in their environment, as far as this user may read it. */
  findByEnvironment(name: string, value: string): Promise<ProcessIdentity[]>;
  /** Environment at its start, `NAME=value` each; null when it is not readable. Some programs overwrite their own. */
  environment(pid: number): Promise<readonly string[] | null>;
  /** Null when the process is gone. */
  describe(pid: number): Promise<ProcessDescription | null>;
  /** An HTTP request made from that machine. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Waits for a lock that is released when its holder dies; the returned function releases it. Throws TIMEOUT. */
  lock(path: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<() => void>;
}
