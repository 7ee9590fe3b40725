/** The complete worker program: the server, signals and exit codes. */
import { StartError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { WorkerServerOptions } from './options.ts';
import { createWorkerServer } from './worker-server.ts';

/**
 * Runs a worker until it is stopped, and exits: with 0 after a drain on SIGTERM or SIGINT, with 143 if that signal came
 * while loading, with 1 at once on a second signal, and with a code of `exitCodes` if it could not start. In that case the
 * last line on stderr is `NAME: error: MESSAGE`.
 */
export const runWorkerServer = async <Loaded>(options: WorkerServerOptions<Loaded>): Promise<never> => {
  const server = createWorkerServer(options);
  let ready = false;
  let asked = false;
  const stop = () => {
    if (asked) {
      process.stderr.write(`${options.name}: second signal: exiting at once\n`);
      process.exit(exitCodes.failed);
    }
    // A native load cannot be interrupted, and exiting during it loses nothing.
    if (!ready) process.exit(exitCodes.stoppedWhileLoading);
    asked = true;
    server.close().then(
      () => process.exit(exitCodes.done),
      (error) => fail(options.name, error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    await server.start();
  } catch (error) {
    return fail(options.name, error);
  }
  ready = true;
  return new Promise<never>(() => {});
};

const fail = (name: string, error: unknown): never => {
  if (!(error instanceof StartError) && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${name}: error: ${message.replaceAll('\n', ' ')}\n`);
  process.exit(error instanceof StartError ? error.exitCode : exitCodes.failed);
};
