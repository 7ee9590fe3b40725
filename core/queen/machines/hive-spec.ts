/** What a hive on another machine is started with. */

import type { DaemonSpec } from '../../lifecycle/daemon.ts';
import { hiveEntry } from '../../registry/bundle/app.ts';
import type { AgentHello, AgentPaths } from '../../ssh/agent/protocol.ts';

const stopGraceMs = 15_000;

/** `installed` is what `current` names. With a `port` the hive listens there too, for those who show its token. */
export const hiveSpec = (alias: string, hello: AgentHello, installed: string, port: number | null): DaemonSpec => ({
  name: 'hive',
  version: installed,
  argv: [hello.execPath, '--max-semi-space-size=2', '--expose-gc', `${hello.paths.data}/current/${hiveEntry}`],
  env: {
    // The hive gets its plugins from the queen, and names itself as she does.
    RBEE_HIVE_REMOTE: '1',
    RBEE_HIVE_NAME: alias,
    RBEE_HIVE_BUILD: installed,
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
