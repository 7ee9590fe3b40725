/** One hive as the queen knows it: its last state, kept up to date by heartbeats, and whether it answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Heartbeat, HiveState, HiveWorker } from '../../contract/api/hive-api.ts';
import type { HiveStatus, HiveView } from '../../contract/api/queen-api.ts';
import { asRbeeError, type RbeeError } from '../../contract/errors.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { HiveConnection } from './hive-connection.ts';
import { isSilent, type LoopLag, type SignOfLife } from './liveness.ts';
import { hiveView, workerView } from './views.ts';

/** How long requests wait for a hive that does not answer yet, or no longer. After that it is probably off. */
const returnMs = 3_000;

const reconnectMs = { first: 50, max: 1_000 };
/** Back-off after a protocol violation. Doubles each time, and is reset after a while without violations. */
const faultyMs = { first: 1_000, max: 300_000, forgivenAfter: 600_000 };

export interface MemberOptions {
  lag: LoopLag;
  /** The views have changed. */
  onChange: () => void;
  /** It came online, or its process was restarted. */
  onOnline?: () => void;
  /** It went silent for an unknown reason, or violated the protocol: do not wait for its machine. */
  onSilent?: () => void;
  /** Heartbeats broke or could not be opened. Called before each new attempt. */
  onBroken?: (error: unknown) => void;
}

export class Member {
  readonly connection: HiveConnection;
  readonly #options: MemberOptions;
  #state: HiveState | undefined;
  #workers = new Map<string, HiveWorker>();
  #views: { workers: readonly WorkerView[]; hive: HiveView } | undefined;
  #json: string | undefined;
  #status: HiveStatus = 'stopped';
  #since = new Date().toISOString();
  #reason: string | null = 'not started yet';
  #labels: Readonly<Record<string, string>> = {};
  #isBare = false;
  #lastSign: SignOfLife;
  /** Why the last heartbeat stream ended; undefined while one is open. */
  #broken: string | undefined;
  #reading: AbortController | undefined;
  /** Aborts the present heartbeat stream, so that a new one is opened. */
  #cut: AbortController | undefined;
  /** It violated the protocol and has not sent a valid state since. */
  #mustShowState = false;
  #faults = { backoffMs: faultyMs.first, lastAt: Number.NEGATIVE_INFINITY };
  #waiting = new Set<() => void>();
  /** Since when it does not answer, for as long as it is expected to soon. */
  #lostAt: number | undefined;

  constructor(connection: HiveConnection, options: MemberOptions) {
    this.connection = connection;
    this.#options = options;
    connection.client.onFault((error) => this.fault(error));
    this.#lastSign = { at: performance.now(), lag: options.lag.total };
  }

  get status(): HiveStatus {
    return this.#status;
  }

  get reason(): string | null {
    return this.#reason;
  }

  /** Whether it does not answer but is expected back soon: it was just lost, or is being connected to. */
  get isReturning(): boolean {
    return this.#lostAt !== undefined;
  }

  /** Whether heartbeats arrive. After they stop, the hive still counts as online for a while. */
  get isHeard(): boolean {
    return this.#status === 'online' && this.#broken === undefined;
  }

  get state(): HiveState | undefined {
    return this.#state;
  }

  /** Whether its heartbeats are read or awaited. */
  get isFollowed(): boolean {
    return this.#reading !== undefined;
  }

  /** As last reported; kept when the hive stops answering. */
  get workers(): ReadonlyMap<string, HiveWorker> {
    return this.#workers;
  }

  /** What users see. Workers of a hive that does not answer are `lost`. */
  get views(): { workers: readonly WorkerView[]; hive: HiveView } {
    this.#views ??= this.#makeViews();
    return this.#views;
  }

  /** The worker views as JSON without the brackets, cached until the next change. */
  get workersJson(): string {
    this.#json ??= this.views.workers.map((worker) => JSON.stringify(worker)).join(',');
    return this.#json;
  }

  /** It violated the protocol: ignores what it sent, and dials it again after a growing back-off. */
  fault({ message }: RbeeError): void {
    if (!this.#reading) return;
    const now = performance.now();
    if (this.#status !== 'faulty') {
      const isForgiven = now - this.#faults.lastAt > faultyMs.forgivenAfter;
      this.#faults.backoffMs = isForgiven ? faultyMs.first : Math.min(this.#faults.backoffMs * 2, faultyMs.max);
    }
    this.#faults.lastAt = now;
    this.#mustShowState = true;
    this.#become('faulty', message);
    this.#cut?.abort();
    this.#options.onSilent?.();
  }

  /** Reads heartbeats until `stop`. Dials a faulty hive at once. */
  start(): void {
    if (this.#reading && this.#status !== 'faulty') return;
    this.#reading?.abort();
    this.#isBare = false;
    this.#reading = new AbortController();
    this.#lastSign = { at: performance.now(), lag: this.#options.lag.total };
    // It may be running, so callers wait for it rather than start it.
    if (this.#status === 'stopped') this.#become('unreachable', 'still connecting');
    void this.#read(this.#reading.signal);
  }

  /** Stops reading heartbeats, and shows the hive as stopped for this reason. */
  stop(reason: string): void {
    this.#reading?.abort();
    this.#reading = undefined;
    this.#become('stopped', reason);
  }

  /** Marks the hive as not installed: none of its workers can be running. */
  markBare(reason: string): void {
    this.#isBare = true;
    this.#workers.clear();
    this.stop(reason);
  }

  /** It is being connected to and has not reported yet, so its workers are unknown. */
  get isUnreported(): boolean {
    return this.isFollowed && this.#state === undefined;
  }

  /** Workers may be running that the queen does not see. */
  get mayHideWorkers(): boolean {
    return this.#status !== 'online' && !this.#isBare;
  }

  /** Marks the hive as unreachable if it has been silent too long. Called by the fleet's clock. */
  check(now: number): void {
    if (this.#lostAt !== undefined && now - this.#lostAt > returnMs) {
      this.#lostAt = undefined;
      this.#changed();
    }
    if (this.#status === 'unreachable' || this.#status === 'faulty' || !this.#reading) return;
    if (!isSilent(this.#lastSign, now, this.#options.lag.total)) return;
    this.#become('unreachable', this.#broken ?? 'no heartbeat for three seconds');
    if (this.#broken === undefined) this.#options.onSilent?.();
  }

  /** Takes over a state that a request returned, ahead of the next heartbeat. */
  update(state: HiveState): void {
    this.start();
    this.#lastSign = { at: performance.now(), lag: this.#options.lag.total };
    this.#take(state);
    this.#become('online', null);
  }

  /**
   * Takes over the result of a change, ahead of the heartbeat that will show it. If another worker has the id by now,
   * the next heartbeat decides.
   */
  apply(worker: HiveWorker): void {
    if (this.#isReplaced(worker)) return;
    this.#workers.set(worker.id, worker);
    this.#changed();
  }

  /** Removes a deleted worker. Another worker that has its id by now stays. */
  forget(worker: Pick<HiveWorker, 'id' | 'uid'>): void {
    if (!this.#isReplaced(worker) && this.#workers.delete(worker.id)) this.#changed();
  }

  #isReplaced({ id, uid }: Pick<HiveWorker, 'id' | 'uid'>): boolean {
    const known = this.#workers.get(id)?.uid;
    return known !== undefined && uid !== undefined && known !== uid;
  }

  /** Waits until the hive is online and `isIt` accepts its state. False after the timeout. */
  async online(timeoutMs: number, signal?: AbortSignal, isIt = (_state: HiveState) => true): Promise<boolean> {
    const isOnline = () => this.#status === 'online' && this.#state !== undefined && isIt(this.#state);
    return this.#until(isOnline, timeoutMs, signal);
  }

  /** Waits until its heartbeats arrive. False after the timeout, or if it is stopped or faulty. */
  async heard(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const isOver = () => this.isHeard || this.#status === 'stopped' || this.#status === 'faulty';
    await this.#until(isOver, timeoutMs, signal);
    return this.isHeard;
  }

  async #until(isSo: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const until = performance.now() + timeoutMs;
    while (!isSo() && performance.now() < until && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, until - performance.now()));
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      });
    }
    return isSo();
  }

  async #read(signal: AbortSignal): Promise<void> {
    let wait = reconnectMs.first;
    while (!signal.aborted) {
      const cut = new AbortController();
      this.#cut = cut;
      const abort = () => cut.abort();
      signal.addEventListener('abort', abort, { once: true });
      try {
        await this.connection.client.heartbeats({
          signal: cut.signal,
          onBeat: (beat) => {
            if (cut.signal.aborted) return;
            wait = reconnectMs.first;
            this.#beat(beat);
          },
        });
        this.#broken = 'it closed the connection';
      } catch (error) {
        if (signal.aborted) return;
        if (!cut.signal.aborted) {
          this.#broken = reasonOf(error, this.connection.alias);
          // Show the latest reason.
          if (this.#status === 'unreachable') this.#become('unreachable', this.#broken);
          // A faulty hive that has gone is unreachable.
          if (this.#status === 'faulty') this.#become('unreachable', this.#broken);
        }
        this.#options.onBroken?.(error);
      } finally {
        signal.removeEventListener('abort', abort);
      }
      if (this.#status === 'faulty') {
        await sleep(this.#faults.backoffMs, undefined, { signal }).catch(() => {});
        continue;
      }
      await sleep(wait, undefined, { signal }).catch(() => {});
      wait = Math.min(wait * 2, reconnectMs.max);
    }
  }

  #beat(beat: Heartbeat): void {
    const wasBroken = this.#broken !== undefined;
    this.#broken = undefined;
    this.#lastSign = { at: performance.now(), lag: this.#options.lag.total };
    const isAnother = beat.kind === 'state' && this.#take(beat.state);
    const wasOnline = this.#status === 'online';
    // A tick alone brings back a hive whose state is known, but not after a protocol violation.
    if (this.#state && !this.#mustShowState) this.#become('online', null);
    // It was restarted before its silence was noticed.
    if (isAnother && wasOnline) this.#options.onOnline?.();
    if (wasBroken) this.#wake();
  }

  /** Returns true if another process of the hive sent it. */
  #take(state: HiveState): boolean {
    const isAnother = this.#state !== undefined && this.#state.instance !== state.instance;
    this.#mustShowState = false;
    this.#state = state;
    this.#workers = new Map(state.workers.map((worker) => [worker.id, worker]));
    this.#changed();
    this.#wake();
    return isAnother;
  }

  #become(status: HiveStatus, reason: string | null): void {
    if (this.#status === status && this.#reason === reason) return;
    if (this.#status !== status) {
      this.#since = new Date().toISOString();
      const isNew = status === 'unreachable' && this.#status !== 'faulty';
      this.#lostAt = isNew ? performance.now() : undefined;
    }
    this.#status = status;
    this.#reason = reason;
    this.#changed();
    this.#wake();
    if (status === 'online') this.#options.onOnline?.();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Sets the labels that are shown with the hive. */
  label(labels: Readonly<Record<string, string>>): void {
    this.#labels = labels;
    this.#changed();
  }

  #changed(): void {
    this.#views = undefined;
    this.#json = undefined;
    this.#options.onChange();
  }

  #makeViews(): { workers: readonly WorkerView[]; hive: HiveView } {
    const { alias, mode } = this.connection;
    const lost = this.#status !== 'online';
    const workers = [...this.#workers.values()].map((worker) => workerView(worker, alias, lost));
    const about = {
      alias,
      mode,
      labels: this.#labels,
      status: this.#status,
      since: this.#since,
      reason: this.#reason,
    };
    return { workers, hive: hiveView(about, this.#state, workers.length) };
  }
}

/** The reason alone, without the words that the status says already. */
const reasonOf = (error: unknown, alias: string): string =>
  asRbeeError(error, `hive ${alias}`).message.replace(`hive ${alias} does not answer: `, '');
