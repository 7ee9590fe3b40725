/** How the queen and the local hive are started as processes. */
import { basename, join } from 'node:path';
import { type Paths, rbeeHome } from '../../config/paths.ts';
import { scriptBeside } from '../../config/script-beside.ts';
import { rbeeVersion } from '../../config/version.ts';
import type { DaemonSpec } from '../../lifecycle/daemon/daemon.ts';
import { daemonVariable, nonceVariable, stateVariable, workerVariable } from '../../lifecycle/system/marks.ts';

/** Longer than the ten seconds that a closing queen gives to running requests. */
const stopGraceMs = 15_000;

/** In MB. V8's young generation grows during loading and never shrinks; forwarding bytes needs little of it. */
const youngHeap = '--max-semi-space-size=2';

/**
 * For glibc, in bytes. Returns freed memory of large bodies to the system: by default, the allocator keeps such blocks
 * after the first one was freed.
 */
const allocator = { MALLOC_MMAP_THRESHOLD_: String(256 * 1024), MALLOC_TRIM_THRESHOLD_: String(1024 * 1024) };

export const daemonSpec = (name: 'queen' | 'hive', paths: Paths, env: NodeJS.ProcessEnv): DaemonSpec => ({
  name,
  version: rbeeVersion(),
  argv: [process.execPath, youngHeap, '--expose-gc', program(name)],
  env: { ...ownVariables(env), ...(name === 'queen' && keyAgent(env)), ...allocator },
  cwd: paths.state,
  pidFile: name === 'queen' ? paths.queenPid : paths.hivePid,
  healthUrl: `http://${name}/health`,
  socketPath: name === 'queen' ? paths.queenSocket : paths.hiveSocket,
  logFile: daemonLog(name, paths),
  stopGraceMs,
});

/** The queen logs in to other machines as the user who started it. Engines never see this variable. */
const keyAgent = ({ SSH_AUTH_SOCK: socket }: NodeJS.ProcessEnv): Record<string, string> =>
  socket ? { SSH_AUTH_SOCK: socket } : {};

export const daemonLog = (name: 'queen' | 'hive', paths: Paths): string => join(paths.logs, `${name}.log`);

/** The built script, or the source when running from sources. */
const program = (name: string): string =>
  scriptBeside(join(import.meta.dirname, '../..', name, basename(import.meta.filename)), 'daemon');

/** Variables about one process, not about rbee as a whole. */
const ofOneProcess = new Set<string>([nonceVariable, workerVariable, stateVariable, daemonVariable]);

/**
 * rbee's own variables, which a clean environment would leave out. Paths become absolute, because a daemon has another
 * working folder.
 */
const ownVariables = (env: NodeJS.ProcessEnv): Record<string, string> => {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && name.startsWith('RBEE_') && !ofOneProcess.has(name)) own[name] = value;
  }
  if (own['RBEE_HOME']) own['RBEE_HOME'] = rbeeHome(own['RBEE_HOME'], env);
  return own;
};
