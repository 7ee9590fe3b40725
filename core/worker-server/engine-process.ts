/** A foreign engine behind an adapter: starts it, watches it, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLineReader } from './engine-output.ts';
import { StartError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

export interface EngineOptions {
  /** Program and arguments. */
  argv: readonly string[];
  /**
   * Added to the adapter's environment for the engine, without the adapter's secrets (`RBEE_…`) and Node settings
   * (`NODE_…`).
   */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Gets each line of the engine's output unchanged; pass `context.log` of `load`, or a function that writes to stderr. */
  log(line: string): void;
  /** Gets every line, including progress lines that are overwritten. */
  onLine?(line: string): void;
  /** Called every 50 ms, later every 250 ms. If it throws, the engine is not ready yet. */
  isReady(signal: AbortSignal): Promise<boolean> | boolean;
  /** Lines that show loading progress: the group `percent` of the pattern, 0 to 100, is passed on as a fraction. */
  progress?: { pattern: RegExp; tell(fraction: number): void };
  /** `context.signal` of `load`: aborts when the worker is stopped while it loads. */
  signal: AbortSignal;
  /** Signals in turn, each with its grace period, then SIGKILL. SIGTERM with 5 s when absent. */
  stop?: readonly { signal: 'SIGTERM' | 'SIGINT'; graceMs: number }[];
  /**
   * Called when the engine exits on its own after it was ready. If absent, the adapter ends as the engine did, so that
   * the hive starts both again.
   */
  onDeath?(exit: EngineExit): void;
}

export interface EngineExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface EngineProcess {
  readonly pid: number;
  /** Resolves when it has ended and its output has been read. */
  readonly exited: Promise<EngineExit>;
  readonly running: boolean;
  /** Ends it with these signals, and resolves when it is gone. Can be called again. */
  stop(): Promise<EngineExit>;
}

/**
 * Starts a program in the adapter's own process group, so that it ends with the adapter whatever happens. Resolves when it
 * is ready. Throws a `StartError` if it cannot be started or ends before it is ready, with any exit code, and the signal's
 * reason if the signal aborts.
 */
export const startEngine = async (options: EngineOptions): Promise<EngineProcess> => {
  options.signal.throwIfAborted();
  const engine = launch(options);
  let asked = false;
  const stop = async () => {
    asked = true;
    for (const { signal, graceMs } of options.stop ?? defaultStop) {
      engine.child.kill(signal);
      if (await within(graceMs, engine.exited)) return engine.exited;
    }
    engine.child.kill('SIGKILL');
    return engine.exited;
  };
  try {
    await untilReady(options, engine);
  } catch (error) {
    await stop();
    throw error;
  }
  void engine.exited.then((exit) => {
    if (asked) return;
    options.log(`error: the engine ${described(exit)} while it was serving`);
    (options.onDeath ?? ((ended) => process.exit(exitCodeOf(ended))))(exit);
  });
  return {
    pid: engine.child.pid ?? 0,
    exited: engine.exited,
    get running() {
      return engine.child.exitCode === null && engine.child.signalCode === null;
    },
    stop,
  };
};

const defaultStop = [{ signal: 'SIGTERM', graceMs: 5000 }] as const;

interface Launched {
  child: ChildProcess;
  exited: Promise<EngineExit>;
  /** Why the program could not even be started. */
  failure(): NodeJS.ErrnoException | undefined;
  lastLine(): string;
}

const launch = ({ argv, env, cwd, log, onLine, progress }: EngineOptions): Launched => {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd,
    env: { ...inherited(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let failure: NodeJS.ErrnoException | undefined;
  let last = '';
  child.on('error', (error) => {
    failure ??= error;
  });
  const see = (line: string) => {
    last = line;
    onLine?.(line);
    const percent = progress?.pattern.exec(line)?.groups?.['percent'];
    if (percent !== undefined) progress?.tell(Number(percent) / 100);
  };
  for (const output of [child.stdout, child.stderr]) {
    const reader = createLineReader(log, see);
    output.on('data', reader.push).on('end', reader.end);
  }
  // The adapter may exit without stopping the engine, which would then keep running and hold its memory.
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const exited = new Promise<EngineExit>((resolve) => {
    const gone = (code: number | null, signal: NodeJS.Signals | null) => {
      process.off('exit', kill);
      resolve({ code, signal });
    };
    child.once('close', gone);
    child.once('exit', (code, signal) => {
      // A child of the engine may keep its output open forever.
      setTimeout(gone, 1000, code, signal).unref();
    });
  });
  return { child, exited, failure: () => failure, lastLine: () => last };
};

const inherited = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(RBEE|NODE)_/.test(name)));

const quickPauseMs = 50;
const slowPauseMs = 250;
const quickForMs = 10_000;

const untilReady = async ({ argv, isReady, signal }: EngineOptions, engine: Launched): Promise<void> => {
  const started = performance.now();
  const over = new AbortController();
  const ended = engine.exited.then((exit) => {
    const failure = engine.failure();
    throw failure === undefined
      ? new StartError(exitCodeOf(exit), `the engine ${described(exit)} before it was ready${tail(engine.lastLine())}`)
      : new StartError(exitCodes.unavailable, `${argv[0]} cannot be started: ${startProblem(failure)}`);
  });
  ended.catch(() => {});
  const poll = async () => {
    const asking = AbortSignal.any([signal, over.signal]);
    while (!(await answers(isReady, asking))) {
      await sleep(performance.now() - started < quickForMs ? quickPauseMs : slowPauseMs, undefined, { signal: asking });
    }
    // If this engine has ended, another process answered.
    if (engine.child.exitCode !== null || engine.child.signalCode !== null) await ended;
  };
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal });
  });
  try {
    await Promise.race([ended, stopped, poll()]);
  } finally {
    over.abort();
  }
};

const answers = async (isReady: EngineOptions['isReady'], signal: AbortSignal): Promise<boolean> => {
  try {
    return await isReady(signal);
  } catch {
    return false;
  }
};

const tail = (line: string) => (line === '' ? '' : `: ${line.trim()}`);

const startProblem = ({ code, message }: NodeJS.ErrnoException) =>
  code === 'ENOENT' ? 'there is no such program' : code === 'EACCES' ? 'it may not be executed' : message;

const described = ({ code, signal }: EngineExit) =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;

/** As a shell reports it, and never 0: an engine that exits unasked has failed. */
const exitCodeOf = ({ code, signal }: EngineExit): number =>
  signal !== null ? 128 + constants.signals[signal] : code || exitCodes.failed;

const within = async (limitMs: number, happening: Promise<unknown>): Promise<boolean> => {
  const late = new AbortController();
  const timer = sleep(limitMs, false, { signal: late.signal }).catch(() => false);
  const inTime = await Promise.race([happening.then(() => true), timer]);
  late.abort();
  return inTime;
};
