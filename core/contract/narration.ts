/**
 * Narration: what rbee reports while it works, in the present tense, to the person who is waiting.
 *
 * A job's events are numbered from 1 in steps of 1 and end with exactly one `result` or `error`. Who reads along gets all of
 * them. Who comes later, or resumes, gets them in the same order with the same numbers, without those that are not kept:
 * a `progress` that a later one of the same step has replaced, what a job says beyond 8 MiB, and what the oldest jobs said
 * once all of them fill their share of the disk. A number is never given twice and may be missing; it is all that
 * `Last-Event-ID` has to name.
 */
import type { ErrorBody } from './errors.ts';
import type { SyncPlan } from './sync.ts';

export type NarrationEvent =
  /** Something begins. `id` ties the later events of the same step together; `on` is who does it (`queen`, `hive local`). */
  | { kind: 'step'; id: string; text: string; on?: string }
  /** How far a step is: `done` of `total` (bytes, files, percent) in `unit`; no `total` when it is not known. */
  | { kind: 'progress'; id: string; done: number; total?: number; unit?: string; text?: string }
  /** A step ended: well, or with `failed` while others go on. `text` replaces the step's own; `ms` is how long it took. */
  | { kind: 'done'; id: string; text?: string; ms?: number; failed?: boolean }
  /** A plain remark. */
  | { kind: 'info'; text: string; on?: string }
  /** Something that works but is not as it should be. */
  | { kind: 'warning'; text: string; hint?: string; on?: string }
  /** A piece of a generated answer. */
  | { kind: 'text'; text: string }
  /** The plan of a sync, before it is applied. Shown by the client that started the sync, ignored by others. */
  | { kind: 'plan'; plan: SyncPlan }
  /**
   * A question to the user; the job continues when `POST /v1/jobs/{id}/answers` names this `id`. The answer to a
   * `secret` question (a passphrase) is not shown while it is typed, and is stored nowhere. An empty answer declines.
   */
  | { kind: 'ask'; id: string; question: string; choices?: readonly string[]; secret?: true };

/** The last event of a job, or of an NDJSON answer of a hive. */
export type Outcome = { kind: 'result'; result: unknown } | { kind: 'error'; error: ErrorBody };

/** An event of a job, as the queen keeps and sends it. */
export type JobEvent = (NarrationEvent | Outcome) & {
  /** Number within the job; SSE `id`, what `Last-Event-ID` names. */
  seq: number;
  /** ISO 8601. */
  at: string;
};

/** Receives narration. Never throws, never waits. */
export type Narrate = (event: NarrationEvent) => void;

export const isOutcome = <Event extends { kind: string }>(event: Event): event is Event & Outcome =>
  event.kind === 'result' || event.kind === 'error';
