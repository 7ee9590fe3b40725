/** How a hive on another machine is started. */

import { hiveEntry } from '../../delivery/app.ts';
import type { DaemonSpec } from '../../lifecycle/daemon/daemon.ts';
import type { AgentHello, AgentPaths } from '../../ssh/agent/protocol.ts';

const stopGraceMs = 15_000;

export interface HiveStart {
  /** The build that `current` points to there, `<version>-<hash8>`. */
  installed: string;
  /** Loopback port beside the socket, for requests with the hive's token. Null: no port. */
  port: number | null;
  /** Ports for its workers, `first-last`. */
  workerPorts: string;
}

export const hiveSpec = (
  alias: string,
  hello: AgentHello,
  { installed, port, workerPorts }: HiveStart,
): DaemonSpec => ({
  name: 'hive',
  version: installed,
  argv: [hello.execPath, '--max-semi-space-size=2', '--expose-gc', `${hello.paths.data}/current/${hiveEntry}`],
  env: {
    // The hive gets its plugins from the queen, and uses the queen's name for it.
    RBEE_HIVE_REMOTE: '1',
    RBEE_HIVE_NAME: alias,
    RBEE_HIVE_BUILD: installed,
    RBEE_HIVE_WORKER_PORTS: workerPorts,
    ...(port === null ? {} : { RBEE_HIVE_PORT: String(port) }),
    ...(hello.rbeeHome === null ? {} : { RBEE_HOME: hello.rbeeHome }),
  },
  cwd: hello.paths.state,
  pidFile: hello.paths.hivePid,
  healthUrl: 'http://hive/health',
  socketPath: hello.paths.hiveSocket,
  logFile: hiveLog(hello.paths),
  stopGraceMs,
});

/** Path of the token that requests to the hive's port need. The hive creates it. */
export const hiveTokenPath = ({ state }: Pick<AgentPaths, 'state'>): string => `${state}/hive.token`;

/** Path of the hive's log on its machine. */
export const hiveLog = ({ logs }: Pick<AgentPaths, 'logs'>): string => `${logs}/hive.log`;
