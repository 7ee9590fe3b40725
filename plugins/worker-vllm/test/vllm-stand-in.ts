#!/usr/bin/env node
/**
 * A stand-in for vLLM: it imitates the command line, log lines, processes, endpoints, failures and signal handling, as vLLM's
 * documentation, sources and issues describe them. It has not been compared with vLLM itself. It runs as a real process, and
 * the model's folder controls how it misbehaves (`stand-in-model.ts`).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { answerer } from './stand-in-api.ts';
import { Refused, readStandInArguments, type StandInArguments } from './stand-in-arguments.ts';
import { runEngine } from './stand-in-engine.ts';
import { sayAs } from './stand-in-log.ts';
import { readModel, type StandInConfig } from './stand-in-model.ts';

const version = '0.29.0';
const say = sayAs('APIServer', 'api_server.py');
const [, , verb, ...rest] = process.argv;

const endWith = (text: string, code: number): never => {
  process.stderr.write(`${text}\n`);
  process.exit(code);
};

const readOrEnd = (argv: readonly string[]): StandInArguments => {
  try {
    return readStandInArguments(argv);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return endWith(`usage: vllm [-h] [-v] {chat,complete,serve,bench} ...\nvllm: error: ${error.message}`, 2);
  }
};

interface Recorded {
  name: string;
  exit: { code: number | null; signal: NodeJS.Signals | null };
  log: readonly string[];
}

/** Fails with a recorded log of vLLM. */
const failAs = (name: string): never => {
  const recorded = (JSON.parse(readFileSync(join(import.meta.dirname, '../failures.json'), 'utf8')) as Recorded[]).find(
    (one) => one.name === name,
  );
  if (recorded === undefined) throw new Error(`failures.json has no ${name}`);
  process.stderr.write(`${recorded.log.join('\n')}\n`);
  if (recorded.exit.signal !== null) process.kill(process.pid, recorded.exit.signal);
  process.exit(recorded.exit.code ?? 1);
};

/** vLLM binds its port first, and listens on it last. */
const serve = async (options: StandInArguments): Promise<void> => {
  say(`version ${version}`);
  say(`non-default args: {'model_tag': '${options.model}'}`);
  const config =
    readModel(options.model) ??
    endWith(
      `(APIServer pid=${process.pid}) OSError: ${options.model} does not appear to have a file named config.json. Checkout 'https://huggingface.co/${options.model}/tree/main' for available files.`,
      1,
    );
  await takePort(options);
  const { fail } = config.stand_in;
  if (fail !== undefined) failAs(fail);
  say(`Resolved architecture: ${config.architectures[0]}`);
  const maxModelLen = options.maxModelLen ?? config.max_position_embeddings;
  if (maxModelLen > config.max_position_embeddings) failAs('derived-length');
  say(`Using max model len ${maxModelLen}`);
  const stopLoading = () => {
    process.stderr.write(
      `(APIServer pid=${process.pid}) Traceback (most recent call last):\nKeyboardInterrupt: terminated\n`,
    );
    engine.kill('SIGTERM');
    process.exit(1);
  };
  process.on('SIGTERM', stopLoading);
  const engine = fork(import.meta.filename, ['engine', options.model], { stdio: 'inherit' });
  await new Promise<void>((ready) => engine.once('message', () => ready()));
  process.off('SIGTERM', stopLoading);
  listen(options, engine, config, maxModelLen);
};

const takePort = ({ host, port }: StandInArguments): Promise<void> =>
  new Promise((free) => {
    const taken = createServer();
    taken.once('error', () => failAs('port'));
    taken.listen(port, host, () => taken.close(() => free()));
  });

const listen = (options: StandInArguments, engine: ChildProcess, config: StandInConfig, maxModelLen: number): void => {
  const state = { dead: false, asleep: false };
  const server = createServer(answerer({ options, config, maxModelLen, version, state }));
  engine.once('exit', () => {
    state.dead = true;
    say('EngineCore encountered a fatal error.', 'ERROR');
    say(
      'vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.',
      'ERROR',
    );
    server.closeAllConnections();
    // Until then, health checks get 503.
    setTimeout(() => process.exit(1), 100);
  });
  const stop = () => {
    engine.removeAllListeners('exit');
    say('Shutting down');
    server.close();
    server.closeAllConnections();
    engine.kill('SIGTERM');
    say('Application shutdown complete.');
    say(`Finished server process [${process.pid}]`);
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  server.listen(options.port, options.host, () => {
    say("Supported tasks: ['generate']");
    say(`Starting vLLM server on http://${options.host}:${options.port}`);
    say('Available routes are:\nRoute: /health, Methods: GET');
    process.stderr.write(
      `INFO:     Started server process [${process.pid}]\nINFO:     Waiting for application startup.\n`,
    );
    process.stderr.write('INFO:     Application startup complete.\n');
  });
};

if (verb === '--version' || verb === '-v') process.stdout.write(`${version}\n`);
else if (verb === 'engine') await runEngine(rest[0] ?? '');
else if (verb === 'serve') await serve(readOrEnd(rest));
else
  endWith(
    `usage: vllm [-h] [-v] {chat,complete,serve,bench} ...\nvllm: error: argument subparser: invalid choice: '${verb}'`,
    2,
  );
