/** Manages a worker's engine processes, one per slot, and sends requests to them. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import { ApiError, exitCodes, invalidRequest, type LoadContext, StartError } from '@rbee/worker-server';
import type { EngineStart, FromEngine, ToEngine } from './messages.ts';
import type { Heard, Transcribed, TranscriptionRequest } from './transcript.ts';

export interface Engines {
  /**
   * Transcribes a file; calls `onHeard` for each window with the seconds done and the share of the file. Throws an `ApiError`
   * for the client, or the signal's reason once the engine has stopped.
   */
  transcribe(job: Job): Promise<Transcribed>;
  close(): Promise<void>;
}

export interface Job {
  path: string;
  request: TranscriptionRequest;
  signal: AbortSignal;
  onHeard(heard: Heard, seconds: number, share: number): void;
  /** Called with a problem that does not stop the file from being read. */
  onWarning(message: string): void;
}

/** Starts the processes and waits until all are ready. Calls `onDeath` if one dies later. */
export const startEngines = async (
  start: EngineStart,
  count: number,
  { signal, progress }: Pick<LoadContext, 'signal' | 'progress'>,
  onDeath: (how: string, exitCode: number) => void,
): Promise<Engines> => {
  const engines: Engine[] = [];
  // They end with the process that started them, even if it is killed.
  const killAll = () => {
    for (const engine of engines) engine.kill();
  };
  process.on('exit', killAll);
  const close = async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    process.off('exit', killAll);
  };
  try {
    // One after another, because loading temporarily needs twice the memory.
    for (let at = 0; at < count; at += 1) {
      signal.throwIfAborted();
      const engine = launch(start, onDeath);
      engines.push(engine);
      await engine.ready((fraction) => progress((at + fraction) / count));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    transcribe: (job) => {
      const idle = engines.find((engine) => !engine.busy);
      // There are as many engines as slots.
      if (idle === undefined) throw new Error('no engine is idle');
      return idle.transcribe(job);
    },
    close,
  };
};

interface Engine {
  readonly busy: boolean;
  ready(progress: (fraction: number) => void): Promise<void>;
  transcribe(job: Job): Promise<Transcribed>;
  close(): Promise<void>;
  /** Does not wait for the processes to end. */
  kill(): void;
}

// Beside this file, which is JavaScript once published.
const script = join(import.meta.dirname, `engine-main${extname(import.meta.filename)}`);

const launch = (start: EngineStart, onDeath: (how: string, exitCode: number) => void): Engine => {
  const child = fork(script, [JSON.stringify(start)], {
    env: environment(process.env),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  let listener: ((message: FromEngine) => void) | undefined;
  let state: 'loading' | 'idle' | 'busy' | 'closing' = 'loading';
  const ended = new Promise<{ how: string; exitCode: number }>((resolve) => {
    child.once('exit', (code, signal) => resolve(ending(code, signal)));
    child.once('error', (error) => resolve({ how: `could not be started: ${error.message}`, exitCode: 1 }));
  });
  child.on('message', (message) => listener?.(message as FromEngine));
  void ended.then(({ how, exitCode }) => {
    if (state === 'idle' || state === 'busy') onDeath(`the engine ${how} while it was serving`, exitCode);
  });
  const send = (message: ToEngine) => void (child.connected && child.send(message));

  return {
    get busy() {
      return state === 'busy';
    },
    ready: async (progress) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      listener = (message) => {
        if (message.kind === 'progress') progress(message.fraction);
        if (message.kind === 'ready') resolve();
        if (message.kind === 'failed') reject(new StartError(message.exitCode, message.message));
      };
      const early = ended.then(({ how, exitCode }) => {
        throw new StartError(exitCode, `the engine ${how} while it was loading`);
      });
      await Promise.race([promise, early]);
      state = 'idle';
    },
    transcribe: async ({ path, request, signal, onHeard, onWarning }) => {
      signal.throwIfAborted();
      state = 'busy';
      const { promise, resolve, reject } = Promise.withResolvers<Transcribed>();
      const cancel = () => send({ kind: 'cancel' });
      listener = (message) => {
        if (message.kind === 'heard' && !signal.aborted) onHeard(message.heard, message.seconds, message.share);
        else if (message.kind === 'warning') onWarning(message.message);
        else if (message.kind === 'done') resolve(message.transcribed);
        else if (message.kind === 'refused') reject(invalidRequest(message.message, message.param, message.code));
        else if (message.kind === 'cancelled') reject(signal.reason);
        else if (message.kind === 'broken') reject(broken(message.message));
      };
      signal.addEventListener('abort', cancel, { once: true });
      const died = ended.then(({ how }) => {
        throw new ApiError(500, 'server_error', `the engine ${how}`, { code: 'engine_died' });
      });
      try {
        send({ kind: 'transcribe', path, request });
        return await Promise.race([promise, died]);
      } finally {
        signal.removeEventListener('abort', cancel);
        if (state === 'busy') state = 'idle';
      }
    },
    close: async () => {
      state = 'closing';
      await terminate(child, ended);
    },
    kill: () => void child.kill('SIGKILL'),
  };
};

/** SIGKILL is safe, because an engine has nothing to save. */
const terminate = async (child: ChildProcess, ended: Promise<unknown>) => {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
};

/** Secrets are for the HTTP server only. */
const environment = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('RBEE_')));

const ending = (code: number | null, signal: NodeJS.Signals | null) =>
  signal === null
    ? { how: `ended with exit code ${code}`, exitCode: code || exitCodes.failed }
    : { how: `was ended by ${signal}`, exitCode: signal === 'SIGKILL' ? 137 : signal === 'SIGABRT' ? 134 : 139 };

const broken = (stack: string) => {
  process.stderr.write(`${stack}\n`);
  const [first = 'the engine failed'] = stack.split('\n');
  return new ApiError(500, 'server_error', first.replace(/^\w*Error: /, ''), { code: 'engine_failed' });
};
