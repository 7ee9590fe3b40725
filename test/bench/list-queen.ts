/**
 * A queen with 200 simulated hives of ten workers each. Each hive ticks once a second; twenty times a second the state
 * of one of them changes. The hives run in the queen's process, so it does some of their work too. Sends the path of
 * its socket once it listens.
 */
import { pino } from 'pino';
import { pathsFrom } from '../../core/config/paths.ts';
import { loadRbeeConf } from '../../core/config/rbee-conf.ts';
import { rbeeVersion } from '../../core/config/version.ts';
import { startQueen } from '../../core/queen/main.ts';
import { simulatedHive, workerWith } from '../../core/queen/testing.ts';

const [hiveCount, workersEach, newsEveryMs] = [200, 10, 50];

const hives = Array.from({ length: hiveCount }, (_, hive) =>
  simulatedHive(
    `hive-${hive}`,
    Array.from({ length: workersEach }, (_, place) =>
      workerWith({ id: `fake-${hive}-${place}`, hive: `hive-${hive}`, port: 20_000 + place }),
    ),
  ),
);
const { env } = process;
const paths = pathsFrom(env);
const config = loadRbeeConf(paths);
config.queen.port = 0;
const queen = await startQueen({ paths, config, env, version: rbeeVersion(), logger: pino({ level: 'warn' }), hives });

let turn = 0;
setInterval(() => {
  const hive = hives[turn % hiveCount];
  const worker = hive?.workers[0];
  if (worker) worker.running = turn;
  hive?.tell();
  turn += 1;
}, newsEveryMs);
process.once('SIGTERM', () => void queen.close().finally(() => process.exit()));
process.once('disconnect', () => process.exit());
process.send?.(paths.queenSocket);
