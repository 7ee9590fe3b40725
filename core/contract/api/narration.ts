/**
 * Narration: progress that rbee reports while it works, in the present tense.
 *
 * A job's events are numbered 1, 2, 3, … and end with exactly one `result` or `error`. A client connected from the
 * start receives all of them. One that connects later or resumes receives them in the same order with the same numbers,
 * except those that are no longer stored: a `progress` superseded by a later one of the same step, output of a job
 * beyond 8 MiB, and output of the oldest jobs once the disk budget is full. So numbers may be missing, but are never
 * reused; `Last-Event-ID` needs nothing else.
 */
import type { ErrorBody } from '../errors.ts';
import type { SyncPlan } from './sync.ts';

export type NarrationEvent =
  /** A step begins. Later events of the step have the same `id`; `on` says where it runs (`queen`, `hive local`). */
  | { kind: 'step'; id: string; text: string; on?: string }
  /** Progress of a step: `done` of `total` (bytes, files, percent) in `unit`. No `total` if unknown. */
  | { kind: 'progress'; id: string; done: number; total?: number; unit?: string; text?: string }
  /**
   * A step ended. `failed`: it failed, and other steps continue. `text` replaces the step's own; `ms` is its duration.
   */
  | { kind: 'done'; id: string; text?: string; ms?: number; failed?: boolean }
  /** Information. */
  | { kind: 'info'; text: string; on?: string }
  /** A problem that does not stop the work. */
  | { kind: 'warning'; text: string; hint?: string; on?: string }
  /** A piece of a generated answer. */
  | { kind: 'text'; text: string }
  /** The plan of a sync, sent before it is applied. The client that started the sync shows it; others ignore it. */
  | { kind: 'plan'; plan: SyncPlan }
  /**
   * A question to the user. The job continues when `POST /v1/jobs/{id}/answers` answers this `id`. The answer to a
   * `secret` question (a passphrase) is neither echoed nor stored. An empty answer declines.
   */
  | { kind: 'ask'; id: string; question: string; choices?: readonly string[]; secret?: true };

/** The last event of a job, or of a hive's NDJSON answer. */
export type Outcome = { kind: 'result'; result: unknown } | { kind: 'error'; error: ErrorBody };

/** A job's event as the queen stores and sends it. */
export type JobEvent = (NarrationEvent | Outcome) & {
  /** Number within the job: the SSE `id`, used in `Last-Event-ID`. */
  seq: number;
  /** ISO 8601. */
  at: string;
};

/** Receives narration. Must not throw or block. */
export type Narrate = (event: NarrationEvent) => void;

export const isOutcome = <Event extends { kind: string }>(event: Event): event is Event & Outcome =>
  event.kind === 'result' || event.kind === 'error';
