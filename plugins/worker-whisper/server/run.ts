/** Runs a Whisper worker; both engines use the same server. */
import { type LoadContext, runWorkerServer, StartError } from '@rbee/worker-server';
import { type Arguments, readArguments } from './arguments.ts';
import type { Engines } from './engines.ts';
import { createRoutes } from './routes.ts';

const name = 'whisper';

/** Parses the command line, serves until it is asked to stop, and ends the process. */
export const runWhisper = async (
  load: (options: Arguments, context: LoadContext) => Promise<Engines>,
  atOnce: (options: Arguments) => number,
): Promise<void> => {
  try {
    const options = readArguments(process.argv.slice(2));
    await runWorkerServer<Engines>({
      name,
      host: options.host,
      port: options.port,
      models: options.names,
      slots: atOnce(options),
      queueLimit: options.queueLimit,
      routes: createRoutes(options),
      load: (context) => load(options, context),
      unload: (engines) => engines.close(),
      describe: () => ({ owned_by: name }),
      env: process.env,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${name}: error: ${error.message}\n`);
    process.exit(error.exitCode);
  }
};

/** Exits in the same way as the engine, so that the hive restarts both. */
export const endWith = (how: string, exitCode: number): never => {
  process.stderr.write(`${name}: error: ${how}\n`);
  process.exit(exitCode);
};
