/** Why a process failed, in words for people: the owner's diagnosis, else what the system itself tells. */

import { RbeeError } from '../contract/errors.ts';
import type { WorkerFailure } from '../contract/states.ts';
import type { Diagnosis, Failure, FailureCause } from '../contract/worker-type.ts';
import { tail } from './log-tail.ts';
import type { NotReadyReason } from './readiness.ts';
import type { Exit } from './runner.ts';

/** What went wrong, as far as the lifecycle saw it. */
export type EndReason =
  | NotReadyReason
  /** It was ready and ended. */
  | { kind: 'ended'; exit: Exit }
  | { kind: 'unhealthy'; problem: string }
  /** There was nothing to start, or it could not be. */
  | { kind: 'cannot_start'; problem: string; hint: string };

/** What `diagnose` of a worker type gets, less what only its owner knows. */
export type ObservedFailure = Omit<Failure, 'binary'>;

export interface FailureContext {
  reason: EndReason;
  /** Its part of the log; none when nothing was started. */
  log?: { file: string; from: number };
  diagnose: (failure: ObservedFailure) => Promise<Diagnosis | undefined>;
  /** Milliseconds since 1970. */
  now: number;
}

const mostDiagnosedLines = 200;
const mostShownLines = 20;

export const describeFailure = async ({ reason, log, diagnose, now }: FailureContext): Promise<WorkerFailure> => {
  const exit = 'exit' in reason ? reason.exit : null;
  const lines = log ? await tail(log.file, mostDiagnosedLines, log).catch(() => []) : [];
  const wasReady = reason.kind === 'ended' || reason.kind === 'unhealthy';
  const own = ownDiagnosis(reason);
  // What the lifecycle saw with its own eyes needs no reading of the log.
  const diagnosis =
    own ?? (await diagnose({ log: lines, exit, wasReady }).catch(() => undefined)) ?? fromSystem(reason, lines);
  return {
    ...diagnosis,
    exitCode: exit?.code ?? null,
    signal: exit?.signal ?? null,
    log: lines.slice(-mostShownLines),
    at: new Date(now).toISOString(),
  };
};

/** The failure as the error that whoever asked for the worker gets. */
export const failureError = (worker: string, failure: WorkerFailure): RbeeError =>
  RbeeError.of('WORKER_FAILED', { worker, problem: failure.message, hint: failure.hint }, { lines: failure.log });

/** Errors of the catalogue and of the check before a spawn bring a hint of their own. */
export const cannotStart = (error: unknown): EndReason => {
  const { message, hint, code } = error as { message?: string; hint?: string; code?: string };
  return {
    kind: 'cannot_start',
    problem: message ?? String(error),
    hint: hint ?? systemHints[code ?? ''] ?? 'look at the log of the hive',
  };
};

const systemHints: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit of open files (ulimit -n) for the hive, or stop a worker',
  ENFILE: 'the machine has no file descriptors left: stop something',
  EAGAIN: 'raise the limit of processes (ulimit -u), or stop something',
  ENOMEM: 'stop another worker, or choose a smaller model',
  E2BIG: 'the command line is too long: shorten the options',
};

const ownDiagnosis = (reason: EndReason): Diagnosis | undefined => {
  if (reason.kind === 'cannot_start') return { cause: 'unknown', message: reason.problem, hint: reason.hint };
  if (reason.kind !== 'port_taken') return undefined;
  return {
    cause: 'port_in_use',
    message: 'another program listens on its port',
    hint: 'try again; another port is then chosen',
  };
};

interface SystemSign {
  pattern: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

/** Words of the operating system and its loader; those of engines are known to their plugins. */
const systemSigns: readonly SystemSign[] = [
  {
    pattern: /EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: 'try again; another port is then chosen',
  },
  {
    pattern: /error while loading shared libraries|cannot open shared object file|Library not loaded/i,
    cause: 'missing_library',
    message: 'a library that it needs is not installed',
    hint: 'install the library that the log names',
  },
  {
    pattern: /GLIBC(XX)?_\d[\d.]*' not found/,
    cause: 'missing_library',
    message: 'it is built for a newer system than this one',
    hint: 'get a build for this system, or update the system',
  },
  {
    pattern: /Exec format error|cannot execute binary file/i,
    cause: 'missing_library',
    message: 'the program is not built for this machine',
    hint: 'get the build for this machine',
  },
  {
    pattern: /ENOMEM|Cannot allocate memory|std::bad_alloc|heap out of memory/i,
    cause: 'out_of_memory',
    message: 'there was not enough memory',
    hint: 'stop another worker, or choose a smaller model',
  },
];

const fromSystem = (reason: EndReason, lines: readonly string[]): Diagnosis => {
  const text = lines.join('\n');
  const sign = systemSigns.find(({ pattern }) => pattern.test(text));
  if (sign && reason.kind !== 'no_progress') return { cause: sign.cause, message: sign.message, hint: sign.hint };
  return plain(reason);
};

const plain = (reason: EndReason): Diagnosis => {
  const hint = 'look at the last lines of its log';
  switch (reason.kind) {
    case 'exited':
      return {
        cause: reason.exit.signal === 'SIGKILL' ? 'killed' : 'crashed',
        message: `it ${ending(reason.exit)} before it was ready`,
        hint,
      };
    case 'ended':
      return reason.exit.signal === 'SIGKILL'
        ? {
            cause: 'killed',
            message: 'it was killed',
            hint: 'if nobody did that, the system was out of memory: choose a smaller model or context',
          }
        : { cause: 'crashed', message: `it ${ending(reason.exit)}`, hint };
    case 'no_progress':
      return {
        cause: 'no_progress',
        message: `it made no progress for ${Math.round(reason.limitMs / 100) / 10} s while it was loading (${reason.last})`,
        hint,
      };
    case 'failed_status':
      return {
        cause: 'crashed',
        message: `its health check answers ${reason.status}${reason.body ? `: ${reason.body.slice(0, 200)}` : ''}`,
        hint,
      };
    case 'unhealthy':
      return { cause: 'crashed', message: `it does not answer any more (${reason.problem})`, hint };
    case 'port_taken':
    case 'cannot_start':
      return { cause: 'unknown', message: 'it did not start', hint };
  }
};

const ending = ({ code, signal }: Exit): string => {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? 'ended' : `ended with exit code ${code}`;
};
