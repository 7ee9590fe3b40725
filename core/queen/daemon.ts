/** The queen in its own process. Logs to `queen.log`, wherever its output is sent. */
import { pino } from 'pino';
import { pathsFrom } from '../config/paths.ts';
import { loadRbeeConf } from '../config/rbee-conf.ts';
import { rbeeVersion } from '../config/version.ts';
import { asRbeeError } from '../contract/errors.ts';
import { printableLog } from '../narration/printable-log.ts';
import { startQueen } from './main.ts';

const logger = pino({ name: 'queen' }, printableLog(pino.destination(1)));

const run = async (): Promise<void> => {
  // Files that this process creates are for this user alone.
  process.umask(0o077);
  // A daemon outlives the terminal it was started from.
  process.on('SIGHUP', () => {});
  const env = process.env;
  const paths = pathsFrom(env);
  const queen = await startQueen({ paths, config: loadRbeeConf(paths), env, version: rbeeVersion(), logger });
  const end = (signal: NodeJS.Signals) => {
    logger.info(`${signal}: the queen exits; workers keep running`);
    queen.close().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
};

const fail = (thrown: unknown): never => {
  const error = asRbeeError(thrown, 'the queen', 'queen.log');
  logger.fatal(
    { code: error.code, hint: error.hint, stack: error.cause ? String((error.cause as Error).stack) : undefined },
    error.message,
  );
  process.exit(1);
};

await run().catch(fail);
