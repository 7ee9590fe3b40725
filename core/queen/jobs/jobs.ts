/** Running operations as jobs: numbered events, any number of readers, one outcome, cancelling for real. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { isOutcome, type JobEvent, type Narrate, type NarrationEvent, type Outcome } from '../../contract/narration.ts';
import type { OperationName } from '../../contract/operations.ts';
import type { JobState, JobView } from '../../contract/queen-api.ts';
import type { JobRecord, JobStore } from './job-store.ts';
import { keptInput } from './kept-input.ts';
import { Questions } from './questions.ts';

/** What an operation is given besides its input. */
export interface JobContext {
  readonly job: string;
  /** Aborted when the job is cancelled or the queen closes; then the operation ends as soon as it can. */
  readonly signal: AbortSignal;
  readonly narrate: Narrate;
  /**
   * Asks the person who waits; settles with the answer, or rejects when the job is cancelled. What answers a `secret`
   * question is not shown while it is typed; an empty answer means that nobody is there who knows it.
   */
  ask(question: string, choices?: readonly string[], secret?: boolean): Promise<string>;
}

/** Does an operation. Whatever it throws is the job's error. */
export type RunOperation = (operation: OperationName, input: unknown, context: JobContext) => Promise<unknown>;

export interface JobsOptions {
  store: JobStore;
  run: RunOperation;
  /** Told of errors that are not of the catalogue. */
  log?: (message: string, error: unknown) => void;
}

interface LiveJob {
  record: JobRecord;
  /** As it was given; the record keeps it without secrets. */
  input: unknown;
  events: JobEvent[];
  /** Readers that have seen all there is. */
  waiting: Set<() => void>;
  questions: Questions;
  controller: AbortController;
  finished: Promise<void>;
}

const pruneMs = 600_000;
/** How long a closing queen waits for operations that were told to end. */
const closeMs = 2_000;

export class Jobs {
  readonly #store: JobStore;
  readonly #run: RunOperation;
  readonly #log: (message: string, error: unknown) => void;
  /** Jobs that run, and those whose end is not yet on disk. */
  readonly #live = new Map<string, LiveJob>();
  #pruning: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ store, run, log }: JobsOptions) {
    this.#store = store;
    this.#run = run;
    this.#log = log ?? (() => {});
  }

  /** Ends what an earlier queen left open, and begins to forget old jobs. */
  open(): void {
    this.#store.endOpenJobs(new Date().toISOString());
    this.#store.prune(Date.now());
    this.#pruning = setInterval(() => this.#store.prune(Date.now()), pruneMs).unref();
  }

  /** Starts an operation whose input is known to be valid. The same `key` and request give the same job. */
  start(operation: OperationName, given: unknown, key: string | null = null): JobView {
    const input = keptInput(given);
    if (this.#closed) throw RbeeError.of('QUEEN_NOT_RUNNING', {});
    const known = key === null ? undefined : this.#byKey(key);
    if (known) {
      if (known.operation === operation && isDeepStrictEqual(known.input, input)) return viewOf(known);
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
    const controller = new AbortController();
    const questions = new Questions(record.id);
    const job: LiveJob = {
      record,
      input: given,
      events: [],
      waiting: new Set(),
      questions,
      controller,
      finished: Promise.resolve(),
    };
    this.#live.set(record.id, job);
    this.#store.save(record);
    job.finished = this.#perform(job);
    return viewOf(record);
  }

  /** Throws JOB_NOT_FOUND. */
  get(id: string): JobView {
    return viewOf(this.#record(id));
  }

  /** The newest first. */
  list(limit: number): JobView[] {
    return this.#store.list(limit).map((record) => viewOf(this.#live.get(record.id)?.record ?? record));
  }

  /** Events after number `after`, in order; waits for more until the outcome or until aborted. Throws JOB_NOT_FOUND. */
  events(id: string, after: number, signal?: AbortSignal): AsyncIterable<JobEvent> {
    const job = this.#live.get(id);
    if (job) return follow(job, after, signal);
    this.#record(id);
    return fromArray(this.#store.events(id, after));
  }

  /** Asks a job to end; its last event tells when it has. Throws JOB_NOT_FOUND, JOB_ENDED. */
  cancel(id: string): JobView {
    const record = this.#record(id);
    const job = this.#live.get(id);
    if (!job || record.state !== 'running') throw RbeeError.of('JOB_ENDED', { job: id, state: record.state });
    job.controller.abort(RbeeError.of('CANCELLED', { what: `job ${id}` }));
    return viewOf(record);
  }

  /** Answers the question `ask` of a job. Throws JOB_NOT_FOUND, JOB_ENDED, INVALID_INPUT. */
  answer(id: string, ask: string, answer: string): void {
    const record = this.#record(id);
    const job = this.#live.get(id);
    if (!job || record.state !== 'running') throw RbeeError.of('JOB_ENDED', { job: id, state: record.state });
    job.questions.answer(ask, answer);
  }

  /** Ends all that runs as QUEEN_RESTARTED and closes the store. */
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
    const narrate: Narrate = (event) => this.#tell(job, event);
    const { signal } = job.controller;
    const ask: JobContext['ask'] = (question, choices, secret) =>
      job.questions.ask({ question, choices, secret }, narrate, signal);
    try {
      const result = await this.#run(operation, input, { job: id, signal, narrate, ask });
      this.#end(job, undefined, result);
    } catch (thrown) {
      // Whatever an operation throws once it was aborted is a consequence of that.
      this.#end(job, signal.aborted ? signal.reason : thrown);
    }
  }

  #tell(job: LiveJob, event: NarrationEvent | Outcome): void {
    if (job.record.state !== 'running') return;
    const numbered = { ...event, seq: job.events.length + 1, at: new Date().toISOString() } as JobEvent;
    job.events.push(numbered);
    this.#store.append(job.record.id, numbered);
    const readers = [...job.waiting];
    job.waiting.clear();
    for (const wake of readers) wake();
  }

  #end(job: LiveJob, thrown: unknown, result?: unknown): void {
    if (job.record.state !== 'running') return;
    const error = thrown === undefined ? null : asRbeeError(thrown, 'the queen', 'rbee queen logs');
    if (error?.code === 'INTERNAL') this.#log(`job ${job.record.id} (${job.record.operation}) failed`, thrown);
    const outcome: Outcome = error
      ? { kind: 'error', error: error.toJSON() }
      : { kind: 'result', result: result ?? null };
    this.#tell(job, outcome);
    const state: JobState = !error ? 'succeeded' : error.code === 'CANCELLED' ? 'cancelled' : 'failed';
    const endedAt = new Date().toISOString();
    job.record = { ...job.record, state, endedAt, result: result ?? null, error: error?.toJSON() ?? null };
    this.#store.save(job.record);
    this.#settle(job);
  }

  /** A job leaves memory only when its end is on disk. */
  #settle(job: LiveJob): void {
    if (!this.#store.flush()) return;
    for (const [id, { record }] of this.#live)
      if (record.state !== 'running' || id === job.record.id) this.#live.delete(id);
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

const viewOf = ({ key: _, ...view }: JobRecord): JobView => view;

async function* fromArray(events: readonly JobEvent[]): AsyncGenerator<JobEvent, void, undefined> {
  yield* events;
}

async function* follow(job: LiveJob, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
  let next = Math.max(0, after);
  while (!signal?.aborted) {
    const event = job.events[next];
    if (event) {
      next += 1;
      yield event;
      if (isOutcome(event)) return;
    } else if (job.record.state !== 'running') {
      return;
    } else {
      await more(job, signal);
    }
  }
}

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
