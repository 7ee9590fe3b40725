/**
 * What the owner of a process knows about it, and the steps that starting, stopping, sleeping and adopting share. Only
 * work that runs in the owner's queue may change it.
 */
import type { NarrationEvent } from '../../contract/api/narration.ts';
import { type WorkerFailure, type WorkerState, workerMoves } from '../../contract/states.ts';
import { type Confiner, localConfiner } from '../limits/limits.ts';
import type { RunGroup } from '../limits/run-group.ts';
import { localRunner } from '../system/local-runner.ts';
import type { Runner } from '../system/runner.ts';
import { endStrays } from '../terminate/strays.ts';
import { describeFailure, type EndReason, type FailureStory } from './failure.ts';
import { type ManagedProcessOptions, type ProcessView, startStep } from './managed-process-options.ts';
import { newRecord } from './new-record.ts';
import type { ProcessPlan, RunRecord } from './process-plan.ts';
import type { ProcessRun } from './process-run.ts';
import { RecordWriter } from './record-writer.ts';
import type { SharedStart } from './shared-start.ts';

export type State = Exclude<WorkerState, 'lost'>;

/** The owner's queue, as work inside it sees it. */
export interface OwnerQueue {
  /** Runs `work` after everything that is already queued. Its failure is narrated. */
  later(work: () => Promise<void>): void;
  /** Queues a start for the restart policy, after `delayMs`. */
  restart(delayMs: number): void;
  /** True if a stop is queued: it overrules any restart decided before it. */
  isStopQueued(): boolean;
}

export class ProcessState {
  readonly options: ManagedProcessOptions;
  readonly queue: OwnerQueue;
  readonly runner: Runner;
  readonly confiner: Confiner;
  readonly recordWriter: RecordWriter;
  record: RunRecord;
  progress: number | null = null;
  /** The last health check failed. */
  suspect = false;
  /** A process may carry the record's nonce although `run` is null: a spawn or an adoption was interrupted. */
  mayBeLeft = false;
  run: ProcessRun | null = null;
  /** Resolved by the ready callback or by `markReady`; null while there is no start to report on. */
  reported: PromiseWithResolvers<void> | null = null;
  /** Cuts draining short. */
  skipDrain = new AbortController();
  /** Skips the remaining signals and goes straight to SIGKILL. */
  skipSignals = new AbortController();
  /** Cuts a sleep or a wake short. */
  skipSleep = new AbortController();
  /** The owner was closed and leaves the process running. */
  closed = false;
  #state: State = 'stopped';

  constructor(options: ManagedProcessOptions, queue: OwnerQueue) {
    this.options = options;
    this.queue = queue;
    this.runner = options.runner ?? localRunner;
    this.confiner = options.confiner ?? localConfiner;
    this.record = newRecord(options);
    this.recordWriter = new RecordWriter({
      records: options.records,
      id: options.id,
      current: () => this.record,
      onProblem: ({ message, hint }) => this.narrate({ kind: 'warning', text: message, hint }),
    });
  }

  get state(): State {
    return this.#state;
  }

  get view(): ProcessView {
    const run = this.run?.exit === null ? this.run : null;
    return {
      state: this.#state,
      pid: run?.identity.pid ?? null,
      port: run?.plan.port ?? null,
      startedAt: run ? this.record.spawnedAt : null,
      readyAt: run ? this.record.readyAt : null,
      progress: this.progress,
      restarts: this.record.restarts,
      kills: this.record.killed ?? 0,
      failure: this.record.failure as WorkerFailure | null,
      suspect: this.suspect && this.#state === 'ready',
    };
  }

  /** Throws when the contract's table of moves does not allow it. */
  move(state: State): void {
    if (state !== this.#state && !workerMoves[this.#state].includes(state)) {
      throw new Error(`${this.options.id} cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    this.changed();
  }

  fail(failure: WorkerFailure): void {
    this.record.failure = failure;
    this.reported = null;
    this.progress = null;
    this.move('failed');
    void this.recordWriter.saveIfPossible();
  }

  changed(): void {
    if (!this.closed) this.options.onChange();
  }

  /** To the owner, and to everyone waiting for `start`. */
  narrate(event: NarrationEvent, start?: SharedStart): void {
    this.options.narrate?.(event);
    start?.narrate(event);
  }

  async describe(reason: EndReason, run?: Pick<ProcessRun, 'log' | 'ranOutOfMemory'>): Promise<FailureStory> {
    const memory = 'exit' in reason ? ((await run?.ranOutOfMemory) ?? null) : null;
    const { diagnose, limits, redact } = this.options;
    const memoryLimit = limits.memoryBytes;
    return await describeFailure({ reason, log: run?.log, diagnose, memory, memoryLimit, now: this.now(), redact });
  }

  /** Ends the process and everything it started. No signals means SIGKILL at once. */
  async endRun(run: ProcessRun, signals: ManagedProcessOptions['stop']['signals']): Promise<void> {
    await run.end({ signals, hurry: this.skipSignals.signal });
    await this.options.scrub?.(this.options.logFile);
    if (this.run === run) this.run = null;
    this.mayBeLeft = false;
    this.freePort(run.plan);
    this.clearProcess();
  }

  /** Ends whatever an interrupted spawn or adoption may have left running. */
  async endLeftovers(): Promise<void> {
    if (!this.mayBeLeft) return;
    const { group } = this;
    const { id: name, stop } = this.options;
    const { nonce } = this.record;
    const hurry = this.skipSignals.signal;
    await endStrays(this.runner, { name, nonce, group, signals: stop.signals, hurry });
    await group.release();
    this.mayBeLeft = false;
  }

  /** The record describes no running process any more. */
  clearProcess(): void {
    Object.assign(this.record, { pid: null, startTime: null, port: null, asleep: false });
  }

  freePort({ port }: ProcessPlan): void {
    if (port !== null) this.options.onPortFree?.(port);
  }

  get group(): RunGroup {
    const { id: name, nonce, groupFolder: folder } = this.record;
    return this.confiner.groupOf({ name, nonce, folder });
  }

  /** Id of the narrated step of a start. */
  get step(): string {
    return startStep(this.options.id);
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.options.clock?.now() ?? Date.now();
  }

  /** ISO 8601. */
  timestamp(): string {
    return new Date(this.now()).toISOString();
  }
}
