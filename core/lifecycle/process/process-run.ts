/**
 * One process from its spawn or adoption to its end: its identity, its readiness and health checks, and how it ends.
 */
import type { StopContract } from '../../contract/worker-type/worker-type.ts';
import { type MemoryMark, markMemory, type OutOfMemory, ranOutOfMemory } from '../limits/out-of-memory.ts';
import type { GroupKills, RunGroup } from '../limits/run-group.ts';
import { rotateRegularly } from '../logs/rotation.ts';
import { sameProcess } from '../system/identity.ts';
import type { Exit, ProcessIdentity, Runner } from '../system/runner.ts';
import { socketOwner } from '../system/socket-owner.ts';
import { endStrays } from '../terminate/strays.ts';
import { terminate } from '../terminate/terminate.ts';
import { mayBeKilled } from './failure.ts';
import { type LivenessOptions, watchLiveness } from './liveness.ts';
import type { ProcessPlan } from './process-plan.ts';
import { waitReady } from './readiness.ts';

export interface RunOfProcess {
  id: string;
  runner: Runner;
  identity: ProcessIdentity;
  plan: ProcessPlan;
  /** Where its part of the log begins. */
  log: { file: string; from: number };
  /** Carried by the process and everything that it starts. */
  nonce: string;
  /** Its control group. */
  group: RunGroup;
  /** Known to its parent; an adopted process is polled instead. */
  exited?: Promise<Exit>;
}

/** Milliseconds between two checks of an adopted process. */
const checkIntervalMs = 250;
/** Milliseconds between two reads of the out-of-memory counters. */
const markIntervalMs = 60_000;

export class ProcessRun {
  readonly identity: ProcessIdentity;
  readonly plan: ProcessPlan;
  readonly log: { file: string; from: number };
  /** Settles when the process has ended; with nulls for an adopted one, whose exit code goes to its parent. */
  readonly exited: Promise<Exit>;
  /** Null while it runs. */
  exit: Exit | null = null;
  /** Settles when it has ended: whether the kernel killed it because memory ran out. */
  readonly ranOutOfMemory: Promise<OutOfMemory | null>;
  readonly #id: string;
  readonly #runner: Runner;
  readonly #nonce: string;
  readonly #group: RunGroup;
  readonly #endWatches: (() => void)[] = [];
  readonly #groupAtEnd: Promise<GroupKills | null>;
  #memoryBefore: MemoryMark | null = null;
  #isEnding = false;
  #endLive: (() => void) | undefined;

  constructor(run: RunOfProcess) {
    this.identity = run.identity;
    this.plan = run.plan;
    this.log = run.log;
    this.#id = run.id;
    this.#runner = run.runner;
    this.#nonce = run.nonce;
    this.#group = run.group;
    this.exited = (run.exited ?? this.#watchExit()).then((exit) => {
      this.exit = exit;
      return exit;
    });
    // Read at once: the group disappears with the run.
    this.#groupAtEnd = this.exited.then(() => this.#group.memoryKills());
    this.ranOutOfMemory = this.exited.then((exit) => this.#askMemory(exit));
    this.#endWatches.push(rotateRegularly(run.log.file), this.#markMemory());
  }

  /** Rejects with NotReadyError, or with the signal's reason; does not touch the process. */
  waitReady(options: {
    reported: Promise<void>;
    onProgress: (progress: number) => void;
    signal: AbortSignal;
  }): Promise<void> {
    const { plan } = this;
    const { port } = plan;
    return waitReady({
      ...options,
      ready: plan.ready,
      exited: this.exited,
      log: this.log,
      owner: port === null ? undefined : () => socketOwner(port, this.identity.pid, () => this.#members()),
      progressPattern: plan.progressPattern,
      progressDeadlineMs: plan.progressDeadlineMs,
    });
  }

  /** Starts the health checks, if the plan has any. */
  watchLive(options: Pick<LivenessOptions, 'busy' | 'onSuspicion' | 'onUnhealthy'>): void {
    const { live } = this.plan;
    if (live) this.#endLive = watchLiveness({ live, cpuMs: () => this.#cpuMs(), ...options });
  }

  /** Stops the health checks until `watchLive` is called again; the end of the process is still noticed. */
  stopLiveChecks(): void {
    this.#endLive?.();
    this.#endLive = undefined;
  }

  /** Ends it, its process group, and whatever has left that group. Throws what `terminate` and `endStrays` throw. */
  async end(options: { signals: StopContract['signals']; hurry?: AbortSignal }): Promise<void> {
    const [name, nonce, group] = [this.#id, this.#nonce, this.#group];
    this.#isEnding = true;
    await terminate(this.#runner, this.identity, { ...options, name, exited: this.exited });
    await endStrays(this.#runner, { ...options, name, nonce, group });
    this.leave();
    if (this.exit !== null) await this.#groupAtEnd;
    await group.release();
  }

  /** Stops all watching; the process keeps running. */
  leave(): void {
    this.stopLiveChecks();
    for (const end of this.#endWatches.splice(0)) end();
  }

  /** Whether a signal has stopped it, so that it waits for SIGCONT. */
  async isFrozen(): Promise<boolean> {
    return (await this.#runner.isStopped?.(this.identity.pid).catch(() => false)) ?? false;
  }

  async #askMemory(exit: Exit): Promise<OutOfMemory | null> {
    if (this.#isEnding || exit.code === 0) return null;
    const { pid, startTime } = this.identity;
    const before = this.#memoryBefore;
    const killed = mayBeKilled({ kind: 'ended', exit });
    const question = { pid, startTime, group: await this.#groupAtEnd, before, killed };
    return await ranOutOfMemory(this.#runner, question).catch(() => null);
  }

  /** Reads the counters regularly: kills long before its end do not explain it. */
  #markMemory(): () => void {
    const mark = async () => {
      this.#memoryBefore = await markMemory(this.#group).catch(() => null);
    };
    void mark();
    const timer = setInterval(() => void mark(), markIntervalMs).unref();
    return () => clearInterval(timer);
  }

  async #cpuMs(): Promise<number | null> {
    const pids = new Set([this.identity.pid, ...(await this.#members())]);
    return (await this.#runner.cpuMs?.([...pids])) ?? null;
  }

  async #members(): Promise<readonly number[]> {
    return this.identity.group === this.identity.pid ? await this.#runner.groupMembers(this.identity.pid) : [];
  }

  #watchExit(): Promise<Exit> {
    const { promise, resolve } = Promise.withResolvers<Exit>();
    const timer = setInterval(async () => {
      // A failed check proves nothing; the next one decides.
      const there = await this.#runner.identity(this.identity.pid).catch(() => this.identity);
      if (sameProcess(there, this.identity)) return;
      clearInterval(timer);
      resolve({ code: null, signal: null });
    }, checkIntervalMs).unref();
    this.#endWatches.push(() => clearInterval(timer));
    return promise;
  }
}
