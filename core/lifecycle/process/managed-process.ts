/**
 * The one owner of one process. Callers ask for outcomes (`ensureReady`, `stop`, `delete`), and every change goes through
 * one queue, so that two of them never interleave. The run record on disk holds what is wanted and what is running, so
 * that the next owner can continue after this one was killed.
 */
import { RbeeError } from '../../contract/errors.ts';
import { orAborted } from '../async/or-aborted.ts';
import { runAdopt } from './adopting.ts';
import { cannotStart } from './failure.ts';
import type { ManagedProcessOptions, ProcessView, StopOptions, WaitOptions } from './managed-process-options.ts';
import { sameSecret } from './new-record.ts';
import type { RunRecord } from './process-plan.ts';
import { ProcessState } from './process-state.ts';
import { SharedStart } from './shared-start.ts';
import { runSleep, runWake } from './sleeping.ts';
import { runStart } from './starting.ts';
import { runStop } from './stopping.ts';

export type * from './managed-process-options.ts';
export { startStep } from './managed-process-options.ts';

export class ManagedProcess {
  readonly #managed: ProcessState;
  readonly #id: string;
  #queue: Promise<unknown> = Promise.resolve();
  /** The latest start, which new callers join. */
  #start: SharedStart | null = null;
  /** Every start that is queued or running. */
  readonly #starts = new Set<SharedStart>();
  #restartTimer: NodeJS.Timeout | undefined;
  /** Stops that are queued and have not begun. */
  #queuedStops = 0;
  /** Deletions that are queued or running. From the first on, every other request is refused. */
  #deletions = 0;
  #deleted = false;

  constructor(options: ManagedProcessOptions) {
    this.#id = options.id;
    this.#managed = new ProcessState(options, {
      later: (work) => {
        this.#enqueue(work).catch((error) => this.#managed.narrate({ kind: 'warning', text: String(error) }));
      },
      restart: (delayMs) => this.#restart(delayMs),
      isStopQueued: () => this.#queuedStops > 0,
    });
  }

  get view(): ProcessView {
    return this.#managed.view;
  }

  /** What is on disk, or about to be. */
  get record(): Readonly<RunRecord> {
    return this.#managed.record;
  }

  /**
   * Resolves when the process is ready; callers share one start. When the last of them aborts, the start is undone and
   * CANCELLED thrown. Throws WORKER_FAILED, or what `plan` threw. The restart policy does not repeat a start that a caller
   * requested, except on another port, or after a kill from outside.
   */
  async ensureReady(options: WaitOptions = {}): Promise<void> {
    this.#assertUsable();
    // During the delay before a restart, callers join that restart, which still belongs to the policy.
    const start = this.#start ?? this.#enqueueStart(this.#restartTimer !== undefined);
    await start.join(options);
  }

  /**
   * Drains (30 s, unless `now`), then ends the whole group. Succeeds when there is nothing to stop. An abort ends only the
   * waiting: a stop that has begun is completed. Throws STOP_FAILED, PERMISSION_DENIED, CANCELLED.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.#enqueueStop(options, 'stopped');
  }

  /** SIGKILL to the whole group, also in the middle of a stop. */
  async kill(): Promise<void> {
    this.#managed.skipSignals.abort();
    await this.#enqueueStop({ now: true, kill: true }, 'stopped');
  }

  /**
   * Waits until no request is running (30 s, unless `now`), then makes the process free its memory. Succeeds when it
   * already sleeps. An abort ends only the waiting. Throws WORKER_CANNOT_SLEEP, WORKER_NOT_READY, WORKER_SLEEP_FAILED,
   * CANCELLED.
   */
  async sleep({ now, signal, narrate }: StopOptions = {}): Promise<void> {
    this.#assertUsable();
    const managed = this.#managed;
    const work = () => runSleep(managed, { drain: !now, narrate, skip: managed.skipSleep.signal });
    await this.#wait(this.#enqueue(work), signal, 'sleep');
  }

  /**
   * Makes the process load its memory again. Succeeds when it is awake. An abort ends only the waiting. Throws
   * WORKER_NOT_READY, WORKER_SLEEP_FAILED, CANCELLED.
   */
  async wake({ signal, narrate }: WaitOptions = {}): Promise<void> {
    this.#assertUsable();
    const managed = this.#managed;
    const work = () => runWake(managed, narrate, managed.skipSleep.signal);
    await this.#wait(this.#enqueue(work), signal, 'wake');
  }

  /** Stops, and starts from a new plan. */
  async restart(options: StopOptions = {}): Promise<void> {
    this.#assertUsable();
    await this.#enqueueStop(options, 'running');
    await this.ensureReady({ signal: options.signal, narrate: options.narrate });
  }

  /**
   * Stops, and removes the record, as one piece of work. Every other request is refused from the call on, unless the stop
   * fails. Deleting twice is fine. Throws what `stop` throws, and STATE_UNWRITABLE.
   */
  async delete(options: StopOptions = {}): Promise<void> {
    await this.#enqueueStop({ ...options, forget: true }, 'stopped');
  }

  /** The process reports that it is ready. False if `token` is not from the current start; repeating the call is fine. */
  callbackReady(token: string): boolean {
    const { reported, record } = this.#managed;
    if (reported === null || !sameSecret(token, record.readyToken)) return false;
    reported.resolve();
    return true;
  }

  /** A person or program reports that the process is ready (mode manual). */
  markReady(): void {
    this.#managed.reported?.resolve();
  }

  /**
   * Takes over the process of an earlier owner's record; must be the first call. False when that process is gone: the
   * restart policy then applies, unless it was to be stopped or had failed for good. Throws when that cannot be determined;
   * the process then counts as failed.
   */
  adopt(record: RunRecord): Promise<boolean> {
    this.#assertUsable();
    const managed = this.#managed;
    return this.#enqueue(() =>
      runAdopt(managed, record).catch(async (error) => {
        // A failed process can be deleted or started again, and both first end its leftovers.
        if (managed.state === 'stopped') managed.move('starting');
        if (managed.state !== 'failed') managed.fail((await managed.describe(cannotStart(error))).failure);
        throw error;
      }),
    );
  }

  /** Writes the record again, after the file was lost. Throws STATE_UNWRITABLE. */
  async rewrite(): Promise<void> {
    if (!this.#deleted) await this.#managed.recordWriter.save();
  }

  /** Ends all watching and leaves the process running. */
  async close(): Promise<void> {
    const managed = this.#managed;
    managed.closed = true;
    managed.skipSleep.abort(new Error('its hive is closing'));
    this.#cancelStarts();
    managed.run?.leave();
    await this.#queue.catch(() => {});
    managed.run?.leave();
    await managed.recordWriter.settle();
  }

  #enqueueStart(background: boolean): SharedStart {
    this.#cancelRestart();
    const start = new SharedStart(this.#id, background);
    this.#start = start;
    this.#starts.add(start);
    const work = async () => {
      start.signal.throwIfAborted();
      this.#assertUsable();
      this.#cancelRestart();
      await runStart(this.#managed, start);
    };
    start.follow(
      this.#enqueue(work).finally(() => {
        this.#starts.delete(start);
        if (this.#start === start) this.#start = null;
      }),
    );
    return start;
  }

  #restart(delayMs: number): void {
    if (delayMs === 0) this.#enqueueStart(true);
    else this.#restartTimer = setTimeout(() => this.#enqueueStart(true), delayMs);
  }

  #cancelStarts(): void {
    this.#cancelRestart();
    for (const start of this.#starts) start.cancel();
    this.#start = null;
  }

  #cancelRestart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
  }

  async #enqueueStop(
    { now, kill = false, forget, signal, narrate }: StopOptions & { kill?: boolean; forget?: boolean },
    wanted: RunRecord['wanted'],
  ): Promise<void> {
    const managed = this.#managed;
    this.#cancelStarts();
    if (now) managed.skipDrain.abort();
    managed.skipSleep.abort(new Error('it is being stopped'));
    managed.skipSleep = new AbortController();
    this.#queuedStops += 1;
    if (forget) this.#deletions += 1;
    const done = this.#enqueue(async () => {
      this.#queuedStops -= 1;
      try {
        if (!this.#deleted && !managed.closed) await runStop(managed, { drain: !now, kill, narrate, wanted });
        if (forget) await this.#forget();
      } finally {
        if (forget) this.#deletions -= 1;
        managed.skipDrain = new AbortController();
        managed.skipSignals = new AbortController();
      }
    });
    await this.#wait(done, signal, 'stop');
  }

  async #forget(): Promise<void> {
    // After `close` the process may still be running, and the next owner must find it.
    if (this.#managed.closed || this.#deleted) return;
    await this.#managed.recordWriter.forget();
    this.#deleted = true;
  }

  #assertUsable(): void {
    if (this.#deleted || this.#deletions > 0) throw RbeeError.of('WORKER_NOT_FOUND', { worker: this.#id, near: '' });
    if (this.#managed.closed) throw RbeeError.of('CANCELLED', { what: `work on ${this.#id}` });
  }

  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #wait(done: Promise<void>, signal: AbortSignal | undefined, action: string): Promise<void> {
    const cancelled = () => RbeeError.of('CANCELLED', { what: `waiting for ${this.#id} to ${action}` });
    return orAborted(done, signal, cancelled);
  }
}
