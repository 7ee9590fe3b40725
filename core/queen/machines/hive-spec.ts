/** What a hive on another machine is started with. */

import { hiveEntry } from '../../delivery/app.ts';
import type { DaemonSpec } from '../../lifecycle/daemon/daemon.ts';
import type { AgentHello, AgentPaths } from '../../ssh/agent/protocol.ts';

const stopGraceMs = 15_000;

export interface HiveStart {
  /** What `current` names there, `<version>-<hash8>`. */
  installed: string;
  /** A loopback port beside the socket, for requests that carry the hive's token; none when null. */
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
    // The hive gets its plugins from the queen, and names itself as she does.
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

/** What has to be shown to its port; the hive makes it. */
export const hiveToken = ({ state }: Pick<AgentPaths, 'state'>): string => `${state}/hive.token`;

/** Log of the hive on its machine. */
export const hiveLog = ({ logs }: Pick<AgentPaths, 'logs'>): string => `${logs}/hive.log`;
