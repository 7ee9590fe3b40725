/**
 * What the agent on a machine answers: the runner of that machine, method by method, and what it takes to put rbee
 * there. One JSON value a line each way over the stdin and stdout of the agent; when its stdin ends, or is silent for
 * longer than was said, so does it, and with it every lock that it holds and every program that it runs.
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
  /** The program of Node. */
  execPath: string;
  platform: { os: string; cpu: string; libc: 'glibc' | 'musl' | null };
  /** Milliseconds since 1970 by that machine's clock. */
  now: number;
  /** The folders that a daemon of rbee uses there. */
  paths: AgentPaths;
  /** `RBEE_HOME` there, if it is set. */
  rbeeHome: string | null;
  /** What daemons there are given: the environment of a login, as far as it is passed on. */
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

/** A file that was uploaded, to be unpacked. */
export interface UnpackRequest {
  /** A tar archive, compressed with zstd. */
  archive: string;
  sha256: string;
  /** Appears whole or not at all. */
  folder: string;
}

/** Who may change the machine, and until when, by its own clock. */
export interface LeaseRequest {
  file: string;
  /** Tells one owner from another. */
  owner: string;
  /** For people: who that is. */
  about: string;
  /** Milliseconds that it lasts unless it is renewed. */
  ms: number;
  takeOver?: boolean;
  /** An owner who is known to be dead: what was theirs may be taken. */
  heirOf?: string;
  /** Only if it is still its own. */
  renew?: boolean;
}

export type LeaseAnswer = { held: true } | { held: false; owner: string; about: string; since: string };

/** Where to dial to learn whether the way is open. */
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
  /** The answer is given back with `unlock`. */
  lock(path: string, options: { timeoutMs: number }): number;
  unlock(lock: number): null;
  /** Null when there is no such file. */
  sha256(path: string): string | null;
  /** False when the folder was there already. */
  unpack(request: UnpackRequest): boolean;
  /** Removes a folder and all that is in it. */
  removeTree(path: string): null;
  /** Where a symbolic link points; null when there is none. */
  readLink(path: string): string | null;
  /** Points a symbolic link elsewhere at once. */
  switchLink(path: string, target: string): null;
  /** Bytes free for this user where the folder is, or would be. */
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
  /** Milliseconds within which more will be said: a line that was cut is silent, and must not keep locks for hours. */
  | { within: number };

/** How an error of a method travels: as one of the catalogue, or as the system's. */
export interface AgentError {
  message: string;
  code?: string;
  body?: ErrorBody;
}

export type AgentAnswer = { id: number; result: unknown } | { id: number; error: AgentError };
