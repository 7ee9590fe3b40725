/** A whole worker program around the server: signals in, exit codes out. */
import { StartError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { WorkerServerOptions } from './options.ts';
import { createWorkerServer } from './worker-server.ts';

/**
 * Runs a worker until it is asked to stop, and ends the process: 0 after a drain on SIGTERM or SIGINT, 143 when that came
 * while loading, 1 at once on a second signal, a code of `exitCodes` when it could not start. The last line on stderr
 * before such a code is `NAME: error: SENTENCE`.
 */
export const runWorkerServer = async <Loaded>(options: WorkerServerOptions<Loaded>): Promise<never> => {
  const server = createWorkerServer(options);
  let ready = false;
  let asked = false;
  const stop = () => {
    if (asked) {
      process.stderr.write(`${options.name}: a second signal: ending at once\n`);
      process.exit(exitCodes.failed);
    }
    // A native load cannot be broken off; nothing is lost by leaving it.
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
