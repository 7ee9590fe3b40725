/** Explains to people why a process failed: by the worker type's diagnosis, or by what the system itself reports. */

import { totalmem } from 'node:os';
import { RbeeError } from '../../contract/errors.ts';
import type { WorkerFailure } from '../../contract/states.ts';
import { diagnoseByRules } from '../../contract/worker-type/failure-rules.ts';
import type { Diagnosis, Failure, FailureCause, FailureRule } from '../../contract/worker-type/worker-type.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { OutOfMemory } from '../limits/out-of-memory.ts';
import { tail } from '../logs/tail.ts';
import type { Exit } from '../system/runner.ts';
import type { NotReadyReason } from './readiness.ts';
import type { EndKind } from './restart-policy.ts';

/** What went wrong, as far as the lifecycle observed it. */
export type EndReason =
  | NotReadyReason
  /** It was ready, and then ended. */
  | { kind: 'ended'; exit: Exit }
  /** `frozen`: a signal stopped it, and none continued it. */
  | { kind: 'unhealthy'; problem: string; frozen?: boolean }
  /** It could not be started. */
  | { kind: 'cannot_start'; problem: string; hint: string };

/** What `diagnose` of a worker type gets, without what only the owner knows. */
export type ObservedFailure = Omit<Failure, 'binary'>;

export interface FailureContext {
  reason: EndReason;
  /** Its part of the log; absent when nothing was started. */
  log?: { file: string; from: number };
  diagnose: (failure: ObservedFailure) => Promise<Diagnosis | undefined>;
  /** Whether the kernel killed it because memory ran out; no when absent. */
  memory?: OutOfMemory | null;
  /** Limit on its main memory, in bytes; absent when there is none. */
  memoryLimit?: number;
  /** Milliseconds since 1970. */
  now: number;
  /** Removes secrets from a text before anything else reads it. */
  redact?: (text: string) => string;
}

export interface FailureStory {
  failure: WorkerFailure;
  /** Whether it crashed, or was killed from outside. */
  kind: Exclude<EndKind, 'clean'>;
}

const maxDiagnosedLines = 200;
const maxShownLines = 20;

export const describeFailure = async (context: FailureContext): Promise<FailureStory> => {
  const { reason, log, diagnose, memory, memoryLimit, now, redact = (text: string) => text } = context;
  const exit = 'exit' in reason ? reason.exit : null;
  const lines = (log ? await tail(log.file, maxDiagnosedLines, log).catch(() => []) : []).map(redact);
  const wasReady = reason.kind === 'ended' || reason.kind === 'unhealthy';
  const said = (): Promise<Diagnosis | undefined> =>
    diagnose({ log: lines, exit: isUnknown(exit) ? null : exit, wasReady }).catch(() => undefined);
  // If the lifecycle itself observed the reason, the log needs no diagnosis.
  const diagnosis = ownDiagnosis(reason) ?? (await said());
  // If all that is known is that a process was killed, the kernel may know why: it ran out of memory.
  const known = memory && (!diagnosis || bareFacts.includes(diagnosis.cause)) ? outOfMemory(memory, memoryLimit) : null;
  // The system's last messages explain more than the fact that it was killed.
  const explained = [
    known,
    diagnosis?.cause === 'killed' ? null : diagnosis,
    signOfSystem(reason, lines, wasReady),
  ].find(Boolean);
  const diagnosed = explained ?? diagnosis ?? plain(reason);
  const failure = {
    cause: diagnosed.cause,
    message: redact(diagnosed.message),
    hint: redact(diagnosed.hint),
    exitCode: exit?.code ?? null,
    signal: exit?.signal ?? null,
    log: lines.slice(-maxShownLines),
    at: new Date(now).toISOString(),
  };
  return { failure, kind: mayBeKilled(reason) && !explained ? 'kill' : 'crash' };
};

/** Whether it may have been killed from outside. It counts as killed unless something else explains its end. */
export const mayBeKilled = (reason: EndReason): boolean =>
  'exit' in reason ? isUnknown(reason.exit) || isOutside(reason.exit) : reason.kind === 'unhealthy' && !!reason.frozen;

/** It was not our child, so its exit code went to its parent. */
export const isUnknown = (exit: Exit | null): boolean => exit !== null && exit.code === null && exit.signal === null;

/** Signals that people and programs send to end a process; other signals, such as SIGSEGV, a program causes itself. */
const outside: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGTERM: 15,
};

/** Some programs exit with 128 plus the number of the signal that ended their child. */
const isOutside = ({ code, signal }: Exit): boolean =>
  signal === null ? Object.values(outside).some((number) => code === 128 + number) : signal in outside;

/** Causes that say that the process is gone, but not why. */
const bareFacts: readonly FailureCause[] = ['killed', 'crashed', 'unknown'];

const outOfMemory = (over: OutOfMemory, limit: number | undefined): Diagnosis => {
  const cause = 'out_of_memory';
  if (over === 'limit' && limit !== undefined) {
    const message = `the kernel ended it because it used more main memory than its limit of ${formatBytes(limit)}`;
    return { cause, message, hint: 'give it more with --memory-limit, or choose a smaller model or context' };
  }
  const hint = 'choose a smaller model or context, or end what else uses the memory of that machine';
  const message =
    over === 'limit'
      ? 'the kernel ended it because the container or service that it runs in reached its main memory limit'
      : `the kernel ended it because the machine ran out of main memory (it has ${formatBytes(totalmem())} of RAM)`;
  return { cause, message, hint };
};

/** The error for callers who waited for the worker. */
export const failureError = (worker: string, failure: WorkerFailure): RbeeError =>
  RbeeError.of('WORKER_FAILED', { worker, problem: failure.message, hint: failure.hint }, { lines: failure.log });

/** Errors of the catalogue, and those of the preflight check, have their own hints. */
export const cannotStart = (error: unknown): EndReason => {
  const { message, hint, code } = error as { message?: string; hint?: string; code?: string };
  return {
    kind: 'cannot_start',
    problem: message ?? String(error),
    hint: hint ?? systemHints[code ?? ''] ?? 'see the log of the hive',
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

/**
 * Messages of the operating system and its loader; plugins know those of engines. A reason that keeps a worker from
 * starting does not end it later, even if the log still contains the message.
 */
const systemFailures: readonly FailureRule[] = [
  {
    pattern: /EADDRINUSE|address already in use/i,
    ready: false,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: 'try again; another port is then chosen',
  },
  {
    pattern: /error while loading shared libraries|cannot open shared object file|Library not loaded/i,
    ready: false,
    cause: 'missing_library',
    message: 'a library that it needs is not installed',
    hint: 'install the library that the log names',
  },
  {
    pattern: /GLIBC(XX)?_\d[\d.]*' not found/,
    ready: false,
    cause: 'missing_library',
    message: 'it is built for a newer system than this one',
    hint: 'get a build for this system, or update the system',
  },
  {
    pattern: /Exec format error|cannot execute binary file/i,
    ready: false,
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

const signOfSystem = (reason: EndReason, log: readonly string[], wasReady: boolean): Diagnosis | undefined =>
  reason.kind === 'no_progress' ? undefined : diagnoseByRules(systemFailures, { log, exit: null, wasReady });

const plain = (reason: EndReason): Diagnosis => {
  const hint = 'see the last lines of its log';
  switch (reason.kind) {
    case 'exited':
      return { cause: causeOf(reason.exit), message: `it ${ending(reason.exit)} before it was ready`, hint };
    case 'ended': {
      const cause = causeOf(reason.exit);
      return cause === 'killed'
        ? { cause, message: `it was killed from outside (${signalOf(reason.exit)})`, hint: whoKills }
        : { cause, message: `it ${ending(reason.exit)}`, hint };
    }
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
      return reason.frozen
        ? { cause: 'killed', message: 'a signal from outside stopped it, and it did not continue', hint: whoKills }
        : { cause: 'crashed', message: `it no longer answers (${reason.problem})`, hint };
    case 'port_taken':
    case 'cannot_start':
      return { cause: 'unknown', message: 'it did not start', hint };
  }
};

const whoKills = 'rbee did not do this: find out what kills processes on that machine';

const causeOf = (exit: Exit): FailureCause => {
  if (isUnknown(exit)) return 'unknown';
  return isOutside(exit) ? 'killed' : 'crashed';
};

const signalOf = ({ code, signal }: Exit): string => signal ?? `exit code ${code}`;

const ending = (exit: Exit): string => {
  if (isUnknown(exit)) return 'ended while no hive was watching';
  return exit.signal === null ? `ended with exit code ${exit.code}` : `was ended by ${exit.signal}`;
};
