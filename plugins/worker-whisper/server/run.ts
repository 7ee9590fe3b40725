/** A Whisper worker: the same server for each engine. */
import { type LoadContext, runWorkerServer, StartError } from '@rbee/worker-server';
import { type Arguments, readArguments } from './arguments.ts';
import type { Engines } from './engines.ts';
import { createRoutes } from './routes.ts';

const name = 'whisper';

/** Reads the command line and serves until it is asked to stop; ends the process. */
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

/** Ends the worker as its engine did, so that the hive starts both again. */
export const endWith = (how: string, exitCode: number): never => {
  process.stderr.write(`${name}: error: ${how}\n`);
  process.exit(exitCode);
};
