/** What a daemon is described by, and how to tell it from a stranger that has got its PID. */
import type { HealthBody } from '../contract/hive-api.ts';
import type { Runner } from './runner.ts';

export interface DaemonSpec {
  /** As its health check tells it: `queen`, `hive`. */
  name: string;
  version: string;
  /** Program and arguments; nothing goes through a shell. */
  argv: readonly string[];
  /** On top of the clean environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  pidFile: string;
  /** `GET` answers a `HealthBody`. */
  healthUrl: string;
  /** Socket to dial instead of the URL's host. */
  socketPath?: string;
  logFile: string;
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 when absent. */
  stopGraceMs?: number;
  /** Milliseconds to become ready; 30,000 when absent. */
  readyTimeoutMs?: number;
}

const healthTimeoutMs = 5000;

/** PID of the daemon that answers the health check, or why none does. */
export const answeringPid = async (
  runner: Runner,
  spec: DaemonSpec,
  signal?: AbortSignal,
): Promise<number | string> => {
  const { healthUrl: url, socketPath } = spec;
  try {
    const { status, body } = await runner.request({ url, socketPath, timeoutMs: healthTimeoutMs, signal });
    if (status !== 200) return `${url} answers ${status}`;
    const health: unknown = JSON.parse(body);
    if (!isHealthBody(health)) return `${url} answers, but not as rbee does`;
    return health.name === spec.name ? health.pid : `${url} is answered by ${health.name}`;
  } catch (error) {
    signal?.throwIfAborted();
    return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
  }
};

/** Clock and file system round differently; nobody gets a PID again within so short a time. */
const slackMs = 1000;

/**
 * Is the living process of this PID the one for which the PID file was written? A process that was started before then
 * has had the PID ever since, so nobody else can have had it; one that was started later is a stranger.
 */
export const isOurs = async (runner: Runner, spec: DaemonSpec, pid: number): Promise<boolean> => {
  const [process, writtenAt] = await Promise.all([runner.describe(pid), runner.writtenAt(spec.pidFile)]);
  if (process === null || writtenAt === null || process.startedAt > writtenAt + slackMs) return false;
  // A clock that was set may turn the order round; then at least the program must be the same.
  return process.argv.length === 0 || process.argv.some((argument) => spec.argv.includes(argument));
};

const isHealthBody = (value: unknown): value is HealthBody => {
  const { name, pid } = (value ?? {}) as Partial<HealthBody>;
  return typeof name === 'string' && Number.isSafeInteger(pid) && Number(pid) > 1;
};
