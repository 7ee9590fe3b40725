/** One hive as the queen knows it: its last state, kept up to date by its heartbeats, and whether it answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asRbeeError, type RbeeError } from '../../contract/errors.ts';
import type { Heartbeat, HiveState, HiveWorker } from '../../contract/hive-api.ts';
import type { HiveStatus, HiveView } from '../../contract/queen-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { HiveConnection } from './hive-connection.ts';
import { isSilent, type LoopLag, type SignOfLife } from './liveness.ts';
import { hiveView, workerView } from './views.ts';

const reconnectMs = { first: 50, max: 1_000 };
/** Before a hive that broke the rules is dialled again; doubles each time, until it has behaved for a while. */
const faultyMs = { first: 1_000, max: 300_000, forgivenAfter: 600_000 };

export interface MemberOptions {
  lag: LoopLag;
  /** What the fleet shows has changed. */
  onChange: () => void;
  /** It answers, and did not before; or it is another process that answers. */
  onOnline?: () => void;
  /** It went silent for no known reason, or broke the rules: do not wait for anything from its machine. */
  onSilent?: () => void;
  /** The stream of heartbeats broke or could not be opened; called before each new attempt. */
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
  /** Why the last stream of heartbeats ended. */
  #broken: string | undefined;
  #reading: AbortController | undefined;
  /** Cuts the present stream of heartbeats, so that it is opened again. */
  #cut: AbortController | undefined;
  /** Since it broke the rules it has not sent a state that keeps them. */
  #mustShowState = false;
  #faults = { backoffMs: faultyMs.first, lastAt: Number.NEGATIVE_INFINITY };
  #waiting = new Set<() => void>();

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

  /** It tells of itself at this moment; one whose heartbeats have just broken is online for a while, and is not heard. */
  get isHeard(): boolean {
    return this.#status === 'online' && this.#broken === undefined;
  }

  get state(): HiveState | undefined {
    return this.#state;
  }

  /** Are its heartbeats read, or waited for? */
  get isLookedFor(): boolean {
    return this.#reading !== undefined;
  }

  /** As the hive last told; also when it does not answer any more. */
  get workers(): ReadonlyMap<string, HiveWorker> {
    return this.#workers;
  }

  /** As shown to users; workers of a hive that does not answer are `lost`. */
  get views(): { workers: readonly WorkerView[]; hive: HiveView } {
    this.#views ??= this.#makeViews();
    return this.#views;
  }

  /** The workers as shown to users, in JSON without the brackets: made once a change, not once a read. */
  get workersJson(): string {
    this.#json ??= this.views.workers.map((worker) => JSON.stringify(worker)).join(',');
    return this.#json;
  }

  /** It broke the rules: nothing it said is used until it behaves. It is dialled again after a back-off that grows. */
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

  /** Begins to read heartbeats, and goes on until `stop`. One that is faulty is dialled at once. */
  start(): void {
    if (this.#reading && this.#status !== 'faulty') return;
    this.#reading?.abort();
    this.#isBare = false;
    this.#reading = new AbortController();
    this.#lastSign = { at: performance.now(), lag: this.#options.lag.total };
    // It may well be running: callers are not told to start it, and can wait for it.
    if (this.#status === 'stopped') this.#become('unreachable', 'still connecting');
    void this.#read(this.#reading.signal);
  }

  /** Ends the reading; the hive is shown as stopped, for this reason. */
  stop(reason: string): void {
    this.#reading?.abort();
    this.#reading = undefined;
    this.#become('stopped', reason);
  }

  /** Ends the reading of a hive that is not installed: nothing of its machine can be running. */
  bare(reason: string): void {
    this.#isBare = true;
    this.#workers.clear();
    this.stop(reason);
  }

  /** Is it being connected to, and has not reported since this queen started? Then its workers are not known. */
  get isUnheard(): boolean {
    return this.isLookedFor && this.#state === undefined;
  }

  /** May workers be running that nobody sees? */
  get mayHide(): boolean {
    return this.#status !== 'online' && !this.#isBare;
  }

  /** Is it time to give the hive up? Called by the fleet's clock. */
  check(now: number): void {
    if (this.#status === 'unreachable' || this.#status === 'faulty' || !this.#reading) return;
    if (!isSilent(this.#lastSign, now, this.#options.lag.total)) return;
    this.#become('unreachable', this.#broken ?? 'no heartbeat for three seconds');
    if (this.#broken === undefined) this.#options.onSilent?.();
  }

  /** Takes in what the hive has told when it was asked, ahead of its next heartbeat, which is waited for from now on. */
  tell(state: HiveState): void {
    this.start();
    this.#lastSign = { at: performance.now(), lag: this.#options.lag.total };
    this.#take(state);
    this.#become('online', null);
  }

  /**
   * Takes in what a change of a worker gave, ahead of the heartbeat that will show the same. When another worker has its id
   * by now, the next heartbeat decides.
   */
  apply(worker: HiveWorker): void {
    if (this.#isReplaced(worker)) return;
    this.#workers.set(worker.id, worker);
    this.#changed();
  }

  /** It was deleted. Another worker that has its id by now stays. */
  forget(worker: Pick<HiveWorker, 'id' | 'uid'>): void {
    if (!this.#isReplaced(worker) && this.#workers.delete(worker.id)) this.#changed();
  }

  #isReplaced({ id, uid }: Pick<HiveWorker, 'id' | 'uid'>): boolean {
    const known = this.#workers.get(id)?.uid;
    return known !== undefined && uid !== undefined && known !== uid;
  }

  /** Waits until the hive is online, and tells what `isIt` wants to hear; false when the time is up. */
  async online(timeoutMs: number, signal?: AbortSignal, isIt = (_state: HiveState) => true): Promise<boolean> {
    const isOnline = () => this.#status === 'online' && this.#state !== undefined && isIt(this.#state);
    return this.#until(isOnline, timeoutMs, signal);
  }

  /** Waits until the hive is heard; false when the time is up, or when it was stopped or broke the rules. */
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
          // What is shown is the latest that is known.
          if (this.#status === 'unreachable') this.#become('unreachable', this.#broken);
          // A faulty hive that has gone is just not there.
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
    // A tick alone brings back a hive whose state is known, unless it has broken the rules since.
    if (this.#state && !this.#mustShowState) this.#become('online', null);
    // It was started again before its silence was noticed.
    if (isAnother && wasOnline) this.#options.onOnline?.();
    if (wasBroken) this.#wake();
  }

  /** Is it the state of another start than the one before? */
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
    if (this.#status !== status) this.#since = new Date().toISOString();
    this.#status = status;
    this.#reason = reason;
    this.#changed();
    this.#wake();
    if (status === 'online') this.#options.onOnline?.();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Shown with the hive. */
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

/** Why it cannot be heard, without saying once more that it cannot. */
const reasonOf = (error: unknown, alias: string): string =>
  asRbeeError(error, `hive ${alias}`).message.replace(`hive ${alias} does not answer: `, '');
