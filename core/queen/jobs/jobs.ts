/**
 * Runs operations as jobs: numbered events, any number of readers, one outcome, real cancelling, and a shared budget.
 */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  isOutcome,
  type JobEvent,
  type Narrate,
  type NarrationEvent,
  type Outcome,
} from '../../contract/api/narration.ts';
import type { OperationName } from '../../contract/api/operations.ts';
import type { JobState, JobsUsage, JobView } from '../../contract/api/queen-api.ts';
import { asRbeeError, type ErrorBody, RbeeError } from '../../contract/errors.ts';
import { type Caller, owner } from '../../gateway/access/caller.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { type RedactingStream, Redactor } from '../../secrets/redaction.ts';
import { type BoundedEvent, boundedError, boundedEvent, pieces } from './bounded-event.ts';
import { EventMemory, type EventWindow } from './event-memory.ts';
import { type JobRecord, type JobStore, maxPendingBytes } from './job-store.ts';
import { keptInput, storedInput, uncheckedInput } from './kept-input.ts';
import { defaultLimits, eventOverhead, type JobLimits } from './limits.ts';
import { ProgressPace } from './progress-pace.ts';
import { type AskEvent, Questions } from './questions.ts';

/** Events that only the queen may send, never a machine. */
export type ShownEvent = Extract<NarrationEvent, { kind: 'text' | 'plan' }>;

/** What an operation gets besides its input. */
export interface JobContext {
  readonly job: string;
  /** Who asked for it. */
  readonly caller: Caller;
  /** Aborted when the job is cancelled or the queen closes. The operation should then end soon. */
  readonly signal: AbortSignal;
  /**
   * For steps, progress and remarks; other events are dropped. So it is safe to pass to code that talks to a machine.
   */
  readonly narrate: Narrate;
  /** Shows a plan, or a piece of generated text. */
  show(event: ShownEvent): void;
  /**
   * Asks the person who is waiting. Resolves with the answer; rejects when the job is cancelled. The answer to a
   * `secret` question is not echoed; an empty answer means that the person does not know it.
   */
  ask(question: string, choices?: readonly string[], secret?: boolean): Promise<string>;
}

/** Runs an operation. Whatever it throws becomes the job's error. */
export type RunOperation = (operation: OperationName, input: unknown, context: JobContext) => Promise<unknown>;

export interface JobsOptions {
  store: JobStore;
  run: RunOperation;
  /** Reports errors that are not in the catalogue. */
  log?: (message: string, error: unknown) => void;
  limits?: Partial<Omit<JobLimits, 'disk'>>;
  /** Called when a job has started and when it has ended. */
  audit?: (asked: JobAudit) => void;
  /** Removes secrets from everything that a job says or stores. */
  redactor?: Redactor;
}

export interface JobAudit {
  caller: Caller;
  operation: OperationName;
  input: unknown;
  job: string;
  outcome: 'started' | 'succeeded' | 'failed' | 'cancelled';
  code?: string;
}

interface LiveJob {
  record: JobRecord;
  caller: Caller;
  /** Unredacted; the stored record is redacted. */
  input: unknown;
  /** Bytes of memory it counts for, besides its events. */
  held: number;
  /** Number of the last event. */
  last: number;
  /** The newest events. */
  window: EventWindow;
  /** Bytes of its narration on disk. */
  kept: number;
  /** Number of the first event whose narration is not stored. */
  cutAt: number | undefined;
  /** The stored progress event of each step; a later one replaces it. */
  progress: Map<string, { seq: number; bytes: number }>;
  pace: ProgressPace;
  outcome: (JobEvent & Outcome) | undefined;
  /** Its end is on disk, so readers get the rest from there. */
  settled: boolean;
  /** Readers, and those among them that are up to date. */
  readers: number;
  waiting: Set<() => void>;
  questions: Questions;
  /** Generated text, in which a secret may span two pieces. */
  answer: RedactingStream;
  controller: AbortController;
  finished: Promise<void>;
}

const maxAskers = 10_000;
const pruneMs = 600_000;
/** How long a closing queen waits for aborted operations. */
const closeMs = 2_000;

export class Jobs {
  readonly #store: JobStore;
  readonly #run: RunOperation;
  readonly #log: (message: string, error: unknown) => void;
  readonly #audit: (asked: JobAudit) => void;
  readonly #limits: JobLimits;
  readonly #memory: EventMemory;
  readonly #redactor: Redactor;
  /** Running jobs, and jobs whose end is not on disk yet. */
  readonly #live = new Map<string, LiveJob>();
  /** Who asked for the last jobs that have ended. */
  readonly #askers = new Map<string, Caller>();
  #pruning: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ store, run, log, limits, audit, redactor = new Redactor(() => []) }: JobsOptions) {
    this.#audit = audit ?? (() => {});
    this.#redactor = redactor;
    this.#store = store;
    this.#run = run;
    this.#log = log ?? (() => {});
    this.#limits = { ...defaultLimits, ...limits };
    this.#memory = new EventMemory(this.#limits.memory - maxPendingBytes);
  }

  /** Present use and limits of all jobs. */
  usage(): JobsUsage {
    return {
      memoryBytes: this.#memory.used + this.#store.pendingBytes,
      maxMemoryBytes: this.#limits.memory,
      diskBytes: this.#store.diskBytes,
      maxDiskBytes: this.#store.maxBytes,
    };
  }

  /** Ends jobs that an earlier queen left open, and starts to remove old jobs. */
  open(): void {
    this.#store.endOpenJobs(new Date().toISOString());
    this.#store.prune(Date.now());
    this.#pruning = setInterval(() => this.#store.prune(Date.now()), pruneMs).unref();
  }

  /**
   * Starts an operation with validated input. The same `key` and request return the same job. Throws
   * IDEMPOTENCY_KEY_REUSED, JOB_MEMORY_EXHAUSTED.
   */
  start(operation: OperationName, given: unknown, key: string | null = null, caller: Caller = owner): JobView {
    const input = this.#redactor.data(keptInput(operation, given));
    if (this.#closed) throw RbeeError.of('QUEEN_NOT_RUNNING', {});
    const known = key === null ? undefined : this.#byKey(key);
    if (known) {
      // A job that ended with its queen was not stored in full.
      const isSame = [input, uncheckedInput(input)].some((one) =>
        isDeepStrictEqual(storedInput(known.input), storedInput(one)),
      );
      if (known.operation === operation && isSame) return viewOf(known);
      throw RbeeError.of('IDEMPOTENCY_KEY_REUSED', { key: known.key ?? '', job: known.id });
    }
    const record: JobRecord = {
      id: `job-${randomBytes(6).toString('hex')}`,
      operation,
      state: 'running',
      input,
      createdAt: new Date().toISOString(),
      endedAt: null,
      result: null,
      error: null,
      key,
    };
    const held = JSON.stringify(given ?? null).length + eventOverhead;
    if (!this.#memory.hasRoom(held))
      throw RbeeError.of('JOB_MEMORY_EXHAUSTED', { size: formatBytes(this.#limits.memory) });
    this.#memory.count(held);
    const job: LiveJob = {
      record,
      caller,
      input: given,
      held,
      last: 0,
      window: this.#memory.window(this.#limits.window),
      kept: 0,
      cutAt: undefined,
      progress: new Map(),
      pace: new ProgressPace((event) => this.#tell(job, event)),
      outcome: undefined,
      settled: false,
      readers: 0,
      waiting: new Set(),
      questions: new Questions(record.id),
      answer: this.#redactor.stream(),
      controller: new AbortController(),
      finished: Promise.resolve(),
    };
    this.#live.set(record.id, job);
    this.#store.save({ ...record, input: uncheckedInput(input) });
    // Stored before it is acknowledged: the next queen must know it, and must not run the request with this key again.
    this.#store.flush();
    this.#audit({ caller, operation, input, job: record.id, outcome: 'started' });
    job.finished = this.#perform(job);
    return viewOf(record);
  }

  /** Who asked for a job; undefined for one of an earlier queen, and for one that ended long ago. */
  callerOf(id: string): Caller | undefined {
    return this.#live.get(id)?.caller ?? this.#askers.get(id);
  }

  /** Throws JOB_NOT_FOUND. */
  get(id: string): JobView {
    return viewOf(this.#record(id));
  }

  /** The newest first. */
  list(limit: number): JobView[] {
    return this.#store.list(limit).map((record) => viewOf(this.#live.get(record.id)?.record ?? record));
  }

  /** Events after number `after`, in order. Waits for more until the outcome or until aborted. Throws JOB_NOT_FOUND. */
  events(id: string, after: number, signal?: AbortSignal): AsyncIterable<JobEvent> {
    const job = this.#live.get(id);
    if (job) return this.#follow(job, Math.max(0, after), signal);
    this.#record(id);
    return this.#stored(id, after, signal);
  }

  /** Requests a cancel; the job's last event tells when it has ended. Throws JOB_NOT_FOUND, JOB_ENDED. */
  cancel(id: string): JobView {
    const record = this.#record(id);
    const job = this.#live.get(id);
    if (!job || record.state !== 'running') throw RbeeError.of('JOB_ENDED', { job: id, state: record.state });
    job.controller.abort(RbeeError.of('CANCELLED', { what: `job ${id}` }));
    return viewOf(record);
  }

  /** Answers the question with the id `ask`. Throws JOB_NOT_FOUND, JOB_ENDED, INVALID_INPUT. */
  answer(id: string, ask: string, answer: string): void {
    const record = this.#record(id);
    const job = this.#live.get(id);
    if (!job || record.state !== 'running') throw RbeeError.of('JOB_ENDED', { job: id, state: record.state });
    job.questions.answer(ask, answer);
  }

  /** Ends all running jobs as QUEEN_RESTARTED, and closes the store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#pruning);
    const running = [...this.#live.values()];
    for (const job of running) job.controller.abort(RbeeError.of('QUEEN_RESTARTED', { job: job.record.id }));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeMs);
    });
    await Promise.race([Promise.all(running.map((job) => job.finished)), patience]);
    clearTimeout(timer);
    for (const job of running) this.#end(job, job.controller.signal.reason);
    this.#store.close();
  }

  async #perform(job: LiveJob): Promise<void> {
    const { input } = job;
    const { id, operation } = job.record;
    const narrate: Narrate = (event) => this.#narrate(job, event);
    const show: JobContext['show'] = (event) => this.#show(job, event);
    const { signal } = job.controller;
    const ask: JobContext['ask'] = (question, choices, secret) =>
      job.questions.ask({ question, choices, secret }, (event) => this.#tell(job, event), signal);
    try {
      const result = await this.#run(operation, input, { job: id, caller: job.caller, signal, narrate, show, ask });
      this.#end(job, undefined, result);
    } catch (thrown) {
      // After an abort, whatever the operation throws is a consequence.
      this.#end(job, signal.aborted ? signal.reason : thrown);
    }
  }

  #narrate(job: LiveJob, event: NarrationEvent): void {
    if (job.record.state !== 'running') return;
    const bounded = boundedEvent(event);
    if (bounded?.kind === 'progress') job.pace.take(bounded);
    else if (bounded) {
      if (bounded.kind === 'done') job.pace.end(bounded.id);
      this.#tell(job, bounded);
    }
  }

  #show(job: LiveJob, event: ShownEvent): void {
    if (event.kind === 'plan') this.#tell(job, event);
    else this.#write(job, job.answer.push(event.text));
  }

  #write(job: LiveJob, written: string): void {
    for (const text of pieces(written)) this.#tell(job, { kind: 'text', text });
  }

  /**
   * Numbers an event, stores it and wakes readers. Beyond its share of disk, a job still sends generated text to live
   * readers and still asks questions; everything else is dropped.
   */
  #tell(job: LiveJob, event: BoundedEvent | ShownEvent | AskEvent): void {
    if (job.record.state !== 'running') return;
    const isCut = job.cutAt !== undefined;
    if (isCut && event.kind !== 'text' && event.kind !== 'ask') return;
    const { kind, ...said } = event;
    const redacted = { kind, ...this.#redactor.data(said) } as typeof event;
    const numbered = { ...redacted, seq: job.last + 1, at: new Date().toISOString() };
    const body = JSON.stringify(numbered);
    const bytes = body.length + eventOverhead;
    if (!isCut && !(this.#store.hasRoom && job.kept + bytes <= this.#limits.narration)) {
      job.cutAt = job.last + 1;
      const limit = formatBytes(this.#limits.narration);
      const text = `this job exceeds the limit for stored output (${limit}); the rest is not stored`;
      this.#add(job, { kind: 'warning', text, seq: job.cutAt, at: numbered.at }, { keep: true });
      this.#tell(job, event);
      return;
    }
    this.#add(job, numbered, { keep: !isCut || event.kind === 'ask', body });
  }

  #add(job: LiveJob, event: JobEvent, { keep, body = JSON.stringify(event) }: { keep: boolean; body?: string }): void {
    const bytes = body.length + eventOverhead;
    job.last = event.seq;
    if (keep) {
      const replaced = event.kind === 'progress' ? job.progress.get(event.id) : undefined;
      this.#store.append(job.record.id, event.seq, body, replaced?.seq);
      job.kept += bytes - (replaced?.bytes ?? 0);
      if (event.kind === 'progress') job.progress.set(event.id, { seq: event.seq, bytes });
      if (event.kind === 'done') job.progress.delete(event.id);
    }
    job.window.push(event, bytes);
    wakeReaders(job);
  }

  #end(job: LiveJob, thrown: unknown, answered?: unknown): void {
    if (job.record.state !== 'running') return;
    const given = this.#redactor.data(answered);
    this.#write(job, job.answer.end());
    job.pace.close();
    let error = thrown === undefined ? null : asRbeeError(thrown, 'the queen', 'rbee queen logs');
    if (error?.code === 'INTERNAL') this.#log(`job ${job.record.id} (${job.record.operation}) failed`, thrown);
    const bytes = JSON.stringify(given ?? null).length;
    if (!error && bytes > this.#limits.result) {
      error = RbeeError.of('JOB_RESULT_TOO_LARGE', { size: formatBytes(bytes), max: formatBytes(this.#limits.result) });
    }
    const [result, failure] = error ? [null, this.#failure(error)] : [given ?? null, null];
    const endedAt = new Date().toISOString();
    const outcome: Outcome = failure ? { kind: 'error', error: failure } : { kind: 'result', result };
    job.outcome = { ...outcome, seq: job.last + 1, at: endedAt };
    const state: JobState = !error ? 'succeeded' : error.code === 'CANCELLED' ? 'cancelled' : 'failed';
    const input = error?.code === 'SECRET_EXPECTED' ? uncheckedInput(job.record.input) : job.record.input;
    job.record = { ...job.record, input, state, endedAt, result, error: failure };
    const { caller } = job;
    const { id, operation } = job.record;
    // The input was stored redacted, and names in it stay.
    this.#audit({ caller, operation, input, job: id, outcome: endOf(state), ...(error && { code: error.code }) });
    this.#hold(job, job.held + bytes);
    this.#store.appendOutcome(job.record.id, job.outcome);
    this.#store.save(job.record);
    this.#settle(job);
    wakeReaders(job);
  }

  #failure(error: RbeeError): ErrorBody {
    const { code, ...words } = boundedError(error.toJSON());
    return { code, ...this.#redactor.data(words) };
  }

  /** A job stays in memory until its end is on disk. */
  #settle(job: LiveJob): void {
    if (!this.#store.flush()) return;
    for (const ended of [...this.#live.values(), job]) {
      if (ended.record.state === 'running') continue;
      this.#live.delete(ended.record.id);
      this.#remember(ended);
      this.#letGo(ended);
    }
  }

  /** Only keys: what they may read depends on it, and the owner may read everything. */
  #remember({ record, caller }: LiveJob): void {
    if (!caller.key) return;
    this.#askers.set(record.id, caller);
    const [oldest] = this.#askers.keys();
    if (oldest !== undefined && this.#askers.size > maxAskers) this.#askers.delete(oldest);
  }

  /** Unread events stay in memory while there are readers and there is room. */
  #letGo(job: LiveJob): void {
    if (this.#live.has(job.record.id)) return;
    if (job.readers === 0) job.window.close();
    // A closing queen reads nothing more from disk.
    if (job.settled || (this.#closed && job.readers > 0)) return;
    job.settled = true;
    job.outcome = undefined;
    job.input = undefined;
    job.record = { ...job.record, input: null, result: null };
    this.#hold(job, 0);
  }

  #hold(job: LiveJob, bytes: number): void {
    this.#memory.count(bytes - job.held);
    job.held = bytes;
  }

  async *#follow(job: LiveJob, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const { id } = job.record;
    let last = after;
    job.readers += 1;
    try {
      while (!signal?.aborted) {
        const { first } = job.window;
        const event = job.window.at(last + 1);
        if (event) {
          last = event.seq;
          yield event;
        } else if (last + 1 < first) {
          const older = this.#closed ? [] : this.#store.events(id, last, first).filter((one) => !isOutcome(one));
          for (const one of older) {
            last = one.seq;
            yield one;
          }
          if (older.length > 0) continue;
          const from = last + 1;
          last = Math.max(last, first - 1);
          if (job.cutAt !== undefined && last > job.cutAt) yield missed(last, last - Math.max(from, job.cutAt + 1) + 1);
        } else if (job.settled) {
          yield* this.#stored(id, last, signal);
          return;
        } else if (job.outcome) {
          if (job.outcome.seq > last) yield job.outcome;
          return;
        } else await more(job, signal);
      }
    } finally {
      job.readers -= 1;
      this.#letGo(job);
    }
  }

  /** For a job that has ended. */
  async *#stored(id: string, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    let last = after;
    while (!signal?.aborted && !this.#closed) {
      const events = this.#store.events(id, last);
      if (events.length === 0) return;
      for (const event of events) {
        last = event.seq;
        yield event;
      }
    }
  }

  #record(id: string): JobRecord {
    const record = this.#live.get(id)?.record ?? this.#store.get(id);
    if (!record) throw RbeeError.of('JOB_NOT_FOUND', { job: id });
    return record;
  }

  #byKey(key: string): JobRecord | undefined {
    for (const { record } of this.#live.values()) if (record.key === key) return record;
    return this.#store.byKey(key);
  }
}

const endOf = (state: JobState): JobAudit['outcome'] =>
  state === 'succeeded' || state === 'cancelled' ? state : 'failed';

const viewOf = ({ key: _, ...view }: JobRecord): JobView => view;

/** Tells a late reader about events that were not kept. */
const missed = (seq: number, count: number): JobEvent => {
  const text = `${count} events are missing here: they were not read in time, and were not stored`;
  return { kind: 'warning', text, seq, at: new Date().toISOString() };
};

const wakeReaders = (job: LiveJob): void => {
  const readers = [...job.waiting];
  job.waiting.clear();
  for (const wake of readers) wake();
};

const more = (job: LiveJob, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      job.waiting.delete(wake);
      resolve();
    };
    job.waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
  });
