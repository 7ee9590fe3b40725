/** Describes a daemon, and tells it from another process that reuses its PID. */
import type { HealthBody } from '../../contract/api/hive-api.ts';
import { daemonVariable } from '../system/marks.ts';
import type { ProcessDescription, Runner } from '../system/runner.ts';

export interface DaemonSpec {
  /** The name that its health check reports: `queen`, `hive`. */
  name: string;
  version: string;
  /** Program and arguments; no shell is used. */
  argv: readonly string[];
  /** Added to the cleaned environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  pidFile: string;
  /** `GET` answers a `HealthBody`. */
  healthUrl: string;
  /** Socket to connect to instead of the URL's host. */
  socketPath?: string;
  logFile: string;
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 when absent. */
  stopGraceMs?: number;
  /** Milliseconds to become ready; 30,000 when absent. */
  readyTimeoutMs?: number;
}

const healthTimeoutMs = 5000;

/** PID of the daemon that answers the health check, or why none does. */
export type Answering = { pid: number } | { pid: null; problem: string };

export const askWho = async (runner: Runner, spec: DaemonSpec, signal?: AbortSignal): Promise<Answering> => {
  const { healthUrl: url, socketPath } = spec;
  try {
    const { status, body } = await runner.request({ url, socketPath, timeoutMs: healthTimeoutMs, signal });
    if (status !== 200) return notAnswering(`${url} answers ${status}`);
    const health: unknown = JSON.parse(body);
    if (!isHealthBody(health)) return notAnswering(`${url} answers, but is not a daemon of rbee`);
    return health.name === spec.name ? { pid: health.pid } : notAnswering(`${url} is answered by ${health.name}`);
  } catch (error) {
    signal?.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    // The code of an abort or timeout is a number, which does not help the reader.
    return notAnswering(typeof code === 'string' ? code : (message ?? String(error)));
  }
};

const notAnswering = (problem: string): Answering => ({ pid: null, problem });

/** The clock and the file system round differently. Safe, because no PID is reused this quickly. */
const slackMs = 1000;

/**
 * Whether the process with this PID is the one for which the PID file was written. It must run the daemon's own program
 * in the daemon's own folder, and must have started before the file was written; otherwise it only reuses the PID.
 */
export const isOurs = async (runner: Runner, spec: DaemonSpec, pid: number): Promise<boolean> => {
  const [process, writtenAt] = await Promise.all([runner.describe(pid), runner.writtenAt(spec.pidFile)]);
  if (process === null || writtenAt === null || process.startedAt > writtenAt + slackMs) return false;
  return runsSpec(process, spec);
};

/** Finds the daemon when its PID file does not name it; null when there is none, or rbee did not start it. */
export const findDaemon = async (runner: Runner, spec: DaemonSpec): Promise<number | null> => {
  // Its children inherit the environment, but run other programs.
  for (const { pid } of await runner.findByEnvironment(daemonVariable, spec.pidFile)) {
    const process = await runner.describe(pid);
    if (process !== null && process.argv.length > 0 && runsSpec(process, spec)) return pid;
  }
  return null;
};

const runsSpec = (process: ProcessDescription, spec: DaemonSpec): boolean => {
  if (process.cwd !== undefined && process.cwd !== spec.cwd) return false;
  // Node runs many programs; the script identifies this one.
  const program = spec.argv.slice(1).filter((argument) => !argument.startsWith('-'));
  const telling = program.length > 0 ? program : spec.argv;
  return process.argv.length === 0 || telling.every((argument) => process.argv.includes(argument));
};

const isHealthBody = (value: unknown): value is HealthBody => {
  const { name, pid } = (value ?? {}) as Partial<HealthBody>;
  return typeof name === 'string' && Number.isSafeInteger(pid) && Number(pid) > 1;
};
