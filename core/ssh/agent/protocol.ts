/**
 * The agent's protocol: the methods of that machine's runner, plus what is needed to install rbee there. One JSON value
 * per line in each direction, over the agent's stdin and stdout. When its stdin ends, or is silent for longer than
 * announced, the agent exits and releases all its locks and programs.
 */
import type { ErrorBody } from '../../contract/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../lifecycle/system/http-request.ts';
import type {
  ProcessDescription,
  ProcessIdentity,
  RunOptions,
  RunResult,
  SignalTarget,
  SpawnOptions,
} from '../../lifecycle/system/runner.ts';

/** The first line of the agent. */
export interface AgentHello {
  hello: 1;
  pid: number;
  hostname: string;
  machineId: string;
  user: string;
  home: string;
  /** Version of Node that runs it. */
  node: string;
  /** Path of Node. */
  execPath: string;
  platform: { os: string; cpu: string; libc: 'glibc' | 'musl' | null };
  /** Milliseconds since 1970 by that machine's clock. */
  now: number;
  /** The folders that an rbee daemon uses there. */
  paths: AgentPaths;
  /** `RBEE_HOME` there, if it is set. */
  rbeeHome: string | null;
  /** The environment for daemons there: the part of the login environment that is passed on. */
  env: Record<string, string>;
}

export interface AgentPaths {
  config: string;
  data: string;
  state: string;
  cache: string;
  hiveSocket: string;
  hivePid: string;
  logs: string;
  runs: string;
}

/** An uploaded file to unpack. */
export interface UnpackRequest {
  /** A tar archive, compressed with zstd. */
  archive: string;
  sha256: string;
  /** Created atomically. */
  folder: string;
}

/** The owner of the lease, and its expiry by the clock of the machine. */
export interface LeaseRequest {
  file: string;
  /** Identifies the owner. */
  owner: string;
  /** Description of the owner for users. */
  about: string;
  /** Milliseconds until it expires, unless renewed. */
  ms: number;
  takeOver?: boolean;
  /** An owner that is known to be dead, whose lease may be taken. */
  heirOf?: string;
  /** Only if it is still the owner. */
  renew?: boolean;
}

export type LeaseAnswer = { held: true } | { held: false; owner: string; about: string; since: string };

/** Addresses to dial, to test forwarding. */
export interface Doors {
  socketPath: string;
  port: number;
}

export interface AgentMethods {
  run(argv: readonly string[], options: Omit<RunOptions, 'signal'>): RunResult;
  spawnDetached(argv: readonly string[], options: SpawnOptions): { pid: number };
  read(path: string): string | null;
  tail(path: string, lines: number): string[];
  write(path: string, data: string, options?: { mode?: number }): null;
  writtenAt(path: string): number | null;
  remove(path: string): null;
  list(folder: string): string[];
  mkdir(folder: string): null;
  signal(target: SignalTarget, signal: NodeJS.Signals): boolean;
  identity(pid: number): ProcessIdentity | null;
  groupMembers(group: number): number[];
  findByEnvironment(name: string, value: string): ProcessIdentity[];
  environment(pid: number): readonly string[] | null;
  describe(pid: number): ProcessDescription | null;
  request(request: Omit<HttpRequest, 'signal'>): HttpAnswer;
  /** The result is released with `unlock`. */
  lock(path: string, options: { timeoutMs: number }): number;
  unlock(lock: number): null;
  /** Null if the file does not exist. */
  sha256(path: string): string | null;
  /** False if the folder already exists. */
  unpack(request: UnpackRequest): boolean;
  /** Removes a folder and everything in it. */
  removeTree(path: string): null;
  /** The target of a symbolic link; null if it does not exist. */
  readLink(path: string): string | null;
  /** Changes the target of a symbolic link atomically. */
  switchLink(path: string, target: string): null;
  /** Bytes free for this user on the disk of the folder. */
  freeBytes(folder: string): number;
  /** Open for half a minute. */
  openDoors(): Doors;
  lease(request: LeaseRequest): LeaseAnswer;
  release(file: string, owner: string): null;
}

export type AgentMethod = keyof AgentMethods;

export type AgentRequest =
  | { id: number; method: AgentMethod; args: readonly unknown[] }
  | { cancel: number }
  /** Milliseconds until the next message at the latest, so that a dead connection does not hold locks for hours. */
  | { within: number };

/** The wire form of an error: from the catalogue, or from the system. */
export interface AgentError {
  message: string;
  code?: string;
  body?: ErrorBody;
}

export type AgentAnswer = { id: number; result: unknown } | { id: number; error: AgentError };
