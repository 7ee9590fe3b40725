/** The queen as a process: starts it, stops it and reports its status. */
import { existsSync } from 'node:fs';
import type { Paths } from '../../config/paths.ts';
import { checkHome, checkSocket } from '../../config/private-places.ts';
import { loadRbeeConf } from '../../config/rbee-conf.ts';
import { rbeeVersion } from '../../config/version.ts';
import type { HealthBody } from '../../contract/api/hive-api.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import type { FleetStatus, QueenStatus } from '../../contract/api/queen-api.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { Daemon } from '../../lifecycle/daemon/daemon.ts';
import { makeFolder } from '../../lifecycle/fs/atomic-file.ts';
import { tail } from '../../lifecycle/logs/logs.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { connectQueen } from './client.ts';
import { mustStart, queenProblems } from './config-problems.ts';
import { daemonLog, daemonSpec } from './daemon-spec.ts';
import { startStory } from './start-log.ts';

export interface QueenDaemonOptions {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  narrate?: Narrate;
  signal?: AbortSignal;
}

/**
 * Makes sure that a queen runs and answers. Concurrent commands start only one. Errors: the one that the queen ended
 * with, such as PORT_TAKEN; CONFIG_INVALID and STATE_UNWRITABLE before the start; otherwise QUEEN_START_FAILED with its
 * last log lines.
 */
export const ensureQueen = async (options: QueenDaemonOptions): Promise<{ pid: number; started: boolean }> => {
  const { paths, narrate, signal } = options;
  const begun = Date.now();
  try {
    const doubts = checkHome(paths);
    await makeFolder(paths.state);
    await makeFolder(paths.data);
    const daemon = daemonOf(options);
    // Reported here, where a person reads it, instead of in the log of a process that ends at once.
    if ((await daemon.status()).status !== 'running') {
      loadRbeeConf(paths);
      for (const { path, problem, fix } of doubts)
        narrate?.({ kind: 'warning', text: `${path}: ${problem}`, hint: fix });
    }
    const found = await daemon.ensureRunning({ narrate, signal });
    if (!found.started) await compareVersions(options);
    return found;
  } catch (error) {
    throw await startFailed(error, options, begun);
  }
};

/** Stops the queen; workers keep running. `stopped` is false if none ran. */
export const stopQueen = async (options: QueenDaemonOptions): Promise<{ stopped: boolean }> => {
  const { narrate, signal } = options;
  // The queen that answers says which process to stop.
  checkSocket(options.paths.queenSocket);
  if (!existsSync(options.paths.state)) return { stopped: false };
  const daemon = daemonOf(options);
  const { status } = await daemon.status();
  const tell = status === 'running' || status === 'failed' ? narrate : undefined;
  tell?.({ kind: 'step', id: 'stop queen', text: 'stopping queen' });
  const stopped = await daemon.stop({ narrate, signal });
  tell?.({ kind: 'done', id: 'stop queen', text: stopped ? 'queen stopped' : 'queen was not running' });
  return { stopped };
};

/**
 * Stops and starts the queen, but not if its configuration would prevent the start. Errors: CONFIG_REFUSED, and those
 * of a start.
 */
export const restartQueen = async (options: QueenDaemonOptions): Promise<void> => {
  mustStart(await queenProblems(options.paths, await queenStatus(options)));
  await stopQueen(options);
  await ensureQueen(options);
};

/** The status of the queen. Starts nothing. */
export const queenStatus = async (options: QueenDaemonOptions): Promise<QueenStatus> => {
  const none = { pid: null, url: null, version: null, startedAt: null, reason: null };
  try {
    checkSocket(options.paths.queenSocket);
    const status = await daemonOf(options).status();
    if (status.status === 'failed') return { ...none, ...status };
    if (status.status !== 'running') return { ...none, ...status };
    const { queen } = await connectQueen({ socketPath: options.paths.queenSocket }).get<FleetStatus>('/v1/status');
    const { url, urls } = queen;
    return { ...none, ...status, url, ...(urls && { urls }), version: queen.version, startedAt: queen.startedAt };
  } catch (error) {
    if (error instanceof RbeeError && error.code === 'QUEEN_NOT_RUNNING') return { ...none, status: 'stopped' };
    return { ...none, status: 'failed', reason: asRbeeError(error, 'the queen', 'rbee queen logs').message };
  }
};

const daemonOf = ({ paths, env }: QueenDaemonOptions): Daemon =>
  new Daemon({ spec: () => daemonSpec('queen', paths, env), runner: localRunner, env });

/** After an update, a running queen may be of another version. */
const compareVersions = async ({ paths, narrate }: QueenDaemonOptions): Promise<void> => {
  const { version } = await connectQueen({ socketPath: paths.queenSocket }).get<HealthBody>('/health');
  if (version === rbeeVersion()) return;
  const details = { name: 'the queen', theirs: version, ours: rbeeVersion(), command: 'rbee queen restart' };
  const { message, hint } = RbeeError.of('VERSION_MISMATCH', details);
  narrate?.({ kind: 'warning', text: message, hint });
};

const lastLines = 40;

const startFailed = async (thrown: unknown, { paths }: QueenDaemonOptions, begun: number): Promise<RbeeError> => {
  const error = asRbeeError(thrown, 'the start of the queen', 'rbee queen logs');
  if (error.code !== 'START_FAILED' && error.code !== 'TIMEOUT') return error;
  const log = daemonLog('queen', paths);
  const { problem, error: own, lines } = startStory(await tail(log, lastLines).catch(() => []), begun);
  if (own) return own;
  const details = { problem: problem ?? error.message, log };
  return RbeeError.of('QUEEN_START_FAILED', details, { cause: error, lines });
};
