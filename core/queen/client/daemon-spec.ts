/** What queen and hive are started with when they are processes of their own. */
import { basename, join } from 'node:path';
import { type Paths, rbeeHome } from '../../config/paths.ts';
import { scriptBeside } from '../../config/script-beside.ts';
import { rbeeVersion } from '../../config/version.ts';
import type { DaemonSpec } from '../../lifecycle/daemon/daemon.ts';
import { daemonVariable, nonceVariable, stateVariable, workerVariable } from '../../lifecycle/system/marks.ts';

/** Longer than the ten seconds for which a closing queen lets answers finish. */
const stopGraceMs = 15_000;

/** V8's young generation grows while a daemon loads and never shrinks; passing bytes on needs little of it. In MB. */
const youngHeap = '--max-semi-space-size=2';

/**
 * Of glibc: memory of large bodies goes back to the system when it is freed. Left to itself, the allocator takes one
 * that was freed as a sign to keep such pieces from then on. In bytes.
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

/** The queen logs in to other machines as the person who started her; no engine gets to see it. */
const keyAgent = ({ SSH_AUTH_SOCK: socket }: NodeJS.ProcessEnv): Record<string, string> =>
  socket ? { SSH_AUTH_SOCK: socket } : {};

export const daemonLog = (name: 'queen' | 'hive', paths: Paths): string => join(paths.logs, `${name}.log`);

/** The built program; from the sources, the source itself. */
const program = (name: string): string =>
  scriptBeside(join(import.meta.dirname, '../..', name, basename(import.meta.filename)), 'daemon');

/** Variables that are about one process, not about all of rbee. */
const ofOneProcess = new Set<string>([nonceVariable, workerVariable, stateVariable, daemonVariable]);

/** rbee's own variables, which a clean environment leaves out. A daemon has another working folder than its starter. */
const ownVariables = (env: NodeJS.ProcessEnv): Record<string, string> => {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && name.startsWith('RBEE_') && !ofOneProcess.has(name)) own[name] = value;
  }
  if (own['RBEE_HOME']) own['RBEE_HOME'] = rbeeHome(own['RBEE_HOME'], env);
  return own;
};
