/**
 * A queen whose `argv[3]` hives are the sockets in the folder `argv[2]`. Sends the path of its own socket once it
 * listens.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { pathsFrom } from '../../core/config/paths.ts';
import { loadRbeeConf } from '../../core/config/rbee-conf.ts';
import { rbeeVersion } from '../../core/config/version.ts';
import { createHiveClient } from '../../core/hive/client.ts';
import type { HiveConnection } from '../../core/queen/fleet/hive-connection.ts';
import { startQueen } from '../../core/queen/main.ts';

const [folder = '', hiveCount] = process.argv.slice(2);
const { env } = process;
const hives = Array.from({ length: Number(hiveCount) }, (_, nth): HiveConnection => {
  const alias = `hive-${nth}`;
  const client = createHiveClient({ hive: alias, connect: { socketPath: join(folder, `${alias}.sock`) } });
  return { alias, mode: 'attached', client, workerPorts: { first: 1, last: 65_535 } };
});
const paths = pathsFrom(env);
const config = loadRbeeConf(paths);
config.queen.port = 0;
const queen = await startQueen({ paths, config, env, version: rbeeVersion(), logger: pino({ level: 'warn' }), hives });
process.once('SIGTERM', () => void queen.close().finally(() => process.exit()));
process.once('disconnect', () => process.exit());
process.send?.(paths.queenSocket);
