/** The hive as a separate process. Its output goes wherever its starter sends it, usually `hive.log`. */
import { pino } from 'pino';
import { pathsFrom } from '../config/paths.ts';
import { loadRbeeConf } from '../config/rbee-conf.ts';
import { rbeeVersion } from '../config/version.ts';
import { printableLog } from '../narration/printable-log.ts';
import { startHive } from './main.ts';

const logger = pino({ name: 'hive' }, printableLog(pino.destination(1)));
const env = process.env;
const paths = pathsFrom(env);

try {
  const hive = await startHive({ paths, config: loadRbeeConf(paths), env, version: rbeeVersion(), logger });
  const end = (signal: NodeJS.Signals) => {
    logger.info(`${signal}: the hive exits; its workers keep running`);
    hive.close().then(
      () => process.exit(0),
      (error) => {
        logger.error(error);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
} catch (error) {
  logger.fatal(error);
  process.exit(1);
}
