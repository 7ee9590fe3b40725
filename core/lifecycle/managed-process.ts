/**
 * The one owner of one process. Callers ask for outcomes (`ensureReady`, `stop`, `delete`); every change goes through one
 * queue, so that no two of them meet half-way. What it wants and what it has is in a run record on disk, so that the next
 * owner can go on where this one was killed.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import type { NarrationEvent } from '../contract/narration.ts';
import { type WorkerFailure, type WorkerState, workerMoves } from '../contract/states.ts';
import { findProcess } from './adoption.ts';
import { waitDrained } from './drain.ts';
import { cleanEnvironment } from './environment.ts';
import {
  cannotStart,
  describeFailure,
  type EndReason,
  type FailureStory,
  failureError,
  mayBeKilled,
} from './failure.ts';
import { processTable } from './identity.ts';
import { type Confiner, localConfiner } from './limits.ts';
import { localRunner } from './local-runner.ts';
import {
  type ManagedProcessOptions,
  type ProcessView,
  type StopOptions,
  startStep,
  type WaitOptions,
} from './managed-process-options.ts';
import { nonceVariable, stateVariable, workerVariable } from './marks.ts';
import { newRecord, sameSecret } from './new-record.ts';
import { ranOutOfMemory } from './out-of-memory.ts';
import { checkProgram } from './preflight.ts';
import type { ProcessPlan, RunRecord } from './process-plan.ts';
import { ProcessRun } from './process-run.ts';
import { NotReadyError } from './readiness.ts';
import { RecordKeeper } from './record-keeper.ts';
import { askToRest, cannotSleep } from './rest.ts';
import { afterEnd, type EndKind, recentEnds } from './restart-policy.ts';
import type { RunGroup } from './run-group.ts';
import type { ProcessIdentity, Runner } from './runner.ts';
import { SharedStart } from './shared-start.ts';
import { endStrays } from './strays.ts';

export type * from './managed-process-options.ts';
export { startStep } from './managed-process-options.ts';

type State = Exclude<WorkerState, 'lost'>;

interface Rest {
  drain: boolean;
  narrate: WaitOptions['narrate'];
  skip: AbortSignal;
}

/** Ports that are tried in one start before it is given up. */
const mostPorts = 5;

export class ManagedProcess {
  readonly #options: ManagedProcessOptions;
  readonly #runner: Runner;
  readonly #confiner: Confiner;
  readonly #keeper: RecordKeeper;
  #record: RunRecord;
  #state: State = 'stopped';
  #progress: number | null = null;
  #suspect = false;
  /** Something may carry the nonce of the record though there is no `#run`: a spawn or an adoption broke off. */
  #mayBeLeft = false;
  #run: ProcessRun | null = null;
  /** Settled by the ready callback or by `markReady`; null when no start has been made. */
  #told: PromiseWithResolvers<void> | null = null;
  /** The latest, which new callers join. */
  #start: SharedStart | null = null;
  /** All that wait for their turn or are under way. */
  readonly #starts = new Set<SharedStart>();
  #restartTimer: NodeJS.Timeout | undefined;
  /** Cuts the draining short; and what is left of the ladder. */
  #skipDrain = new AbortController();
  #skipLadder = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  /** Cuts a sleep or a wake that is under way short. */
  #skipRest = new AbortController();
  /** Stops that were asked for and have not begun: after one of them nothing is started that was decided before it. */
  #stopsAhead = 0;
  /** Deletions under way: nothing may be asked of it between the end of its process and the end of its record. */
  #deletions = 0;
  #deleted = false;
  #closed = false;

  constructor(options: ManagedProcessOptions) {
    this.#options = options;
    this.#runner = options.runner ?? localRunner;
    this.#confiner = options.confiner ?? localConfiner;
    this.#record = newRecord(options);
    this.#keeper = new RecordKeeper({
      records: options.records,
      id: options.id,
      current: () => this.#record,
      onProblem: ({ message, hint }) => this.#say({ kind: 'warning', text: message, hint }),
    });
  }

  get view(): ProcessView {
    const run = this.#run?.exit === null ? this.#run : null;
    return {
      state: this.#state,
      pid: run?.identity.pid ?? null,
      port: run?.plan.port ?? null,
      startedAt: run ? this.#record.spawnedAt : null,
      readyAt: run ? this.#record.readyAt : null,
      progress: this.#progress,
      restarts: this.#record.restarts,
      kills: this.#record.killed ?? 0,
      failure: this.#record.failure as WorkerFailure | null,
      suspect: this.#suspect && this.#state === 'ready',
    };
  }

  /** What is on disk, or about to be. */
  get record(): Readonly<RunRecord> {
    return this.#record;
  }

  /**
   * Resolves when the process is ready; callers share one start. When the last of them aborts, the start is undone and
   * CANCELLED thrown. Throws WORKER_FAILED, or what `plan` threw; a start that somebody asked for is not repeated by the
   * restart policy, except on another port, or after a kill from outside.
   */
  async ensureReady(options: WaitOptions = {}): Promise<void> {
    this.#assertUsable();
    // During the wait before a restart, the restart itself is asked for: it stays the policy's.
    const start = this.#start ?? this.#enqueueStart(this.#restartTimer !== undefined);
    await start.join(options);
  }

  /**
   * Drains (30 s, unless `now`), then ends the whole group. No error when there is nothing to stop. An abort ends only
   * the waiting: a stop that has begun is carried out. Throws STOP_FAILED, PERMISSION_DENIED, CANCELLED.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.#enqueueStop(options, 'stopped');
  }

  /** SIGKILL to the whole group, without waiting for a stop that is under way. */
  async kill(): Promise<void> {
    this.#skipLadder.abort();
    await this.#enqueueStop({ now: true, kill: true }, 'stopped');
  }

  /**
   * Waits until no request is under way (30 s, unless `now`), and lets the process give its memory back. No error when it
   * sleeps already. An abort ends only the waiting. Throws WORKER_CANNOT_SLEEP, WORKER_NOT_READY, WORKER_SLEEP_FAILED,
   * CANCELLED.
   */
  async sleep({ now, signal, narrate }: StopOptions = {}): Promise<void> {
    this.#assertUsable();
    await orAborted(
      this.#enqueue(() => this.#runSleep({ drain: !now, narrate, skip: this.#skipRest.signal })),
      signal,
      `${this.#options.id} to sleep`,
    );
  }

  /**
   * Lets it take its memory again. No error when it is awake. An abort ends only the waiting. Throws WORKER_NOT_READY,
   * WORKER_SLEEP_FAILED, CANCELLED.
   */
  async wake({ signal, narrate }: WaitOptions = {}): Promise<void> {
    this.#assertUsable();
    await orAborted(
      this.#enqueue(() => this.#runWake(narrate, this.#skipRest.signal)),
      signal,
      `${this.#options.id} to wake`,
    );
  }

  /** Stops, and starts from a new plan. */
  async restart(options: StopOptions = {}): Promise<void> {
    this.#assertUsable();
    await this.#enqueueStop(options, 'running');
    await this.ensureReady({ signal: options.signal, narrate: options.narrate });
  }

  /**
   * Stops, and forgets the record, in one turn. Nothing can be asked of it from the moment of the call on, unless the stop
   * fails. Deleting twice is fine. Throws what `stop` throws, and STATE_UNWRITABLE.
   */
  async delete(options: StopOptions = {}): Promise<void> {
    await this.#enqueueStop({ ...options, forget: true }, 'stopped');
  }

  /** The process says that it is ready. False for a token that is not the present one's; saying it twice is fine. */
  callbackReady(token: string): boolean {
    if (this.#told === null || !sameSecret(token, this.#record.readyToken)) return false;
    this.#told.resolve();
    return true;
  }

  /** Someone says that it is ready (mode manual). */
  markReady(): void {
    this.#told?.resolve();
  }

  /**
   * Goes on with the process of an earlier owner's record; to be called before anything else. False when there is no such
   * process any more: then it is restarted by policy, unless it was to be stopped or had failed for good. Throws when that
   * cannot be found out; it has then failed.
   */
  adopt(record: RunRecord): Promise<boolean> {
    this.#assertUsable();
    return this.#enqueue(() =>
      this.#runAdopt(record).catch(async (error) => {
        // It is shown as failed, so that it can be deleted or started again: either ends what may be left of it first.
        if (this.#state === 'stopped') this.#move('starting');
        if (this.#state !== 'failed') this.#fail((await this.#describe(cannotStart(error))).failure);
        throw error;
      }),
    );
  }

  /** What is on disk was lost. Throws STATE_UNWRITABLE. */
  async rewrite(): Promise<void> {
    if (!this.#deleted) await this.#keeper.save();
  }

  /** The owner goes away and leaves the process running: everything that watches it ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#skipRest.abort(new Error('its hive is closing'));
    this.#cancelStarts();
    this.#run?.leave();
    await this.#queue.catch(() => {});
    this.#run?.leave();
    await this.#keeper.settle();
  }

  // Starting

  #enqueueStart(background: boolean): SharedStart {
    this.#cancelRestart();
    const start = new SharedStart(this.#options.id, background);
    this.#start = start;
    this.#starts.add(start);
    start.follow(
      this.#enqueue(() => this.#runStart(start)).finally(() => {
        this.#starts.delete(start);
        if (this.#start === start) this.#start = null;
      }),
    );
    return start;
  }

  #cancelStarts(): void {
    this.#cancelRestart();
    for (const start of this.#starts) start.cancel();
    this.#start = null;
  }

  async #runStart(start: SharedStart): Promise<void> {
    start.signal.throwIfAborted();
    this.#assertUsable();
    // Decided by the policy after a crash, and no longer wanted.
    if (start.background && this.#record.wanted === 'stopped') return;
    this.#cancelRestart();
    // It has ended, and the turn in which that is dealt with is still to come.
    const ended = this.#run;
    if (ended?.exit && (this.#state === 'ready' || this.#state === 'sleeping')) {
      await this.#lost(ended, { kind: 'ended', exit: ended.exit });
    }
    if (this.#run && (this.#state === 'ready' || this.#state === 'loading')) {
      // Adopted while it was loading: only the rest of the way is left.
      const story = this.#state === 'loading' ? await this.#awaitReady(this.#run, start) : null;
      if (story === null) return;
      await this.#startFailed(true, story);
      throw failureError(this.#options.id, story.failure);
    }
    if (this.#run && this.#state === 'sleeping') {
      await this.#runWake((event) => start.narrate(event), this.#skipRest.signal);
      start.narrate({ kind: 'done', id: this.#step, text: `${this.#options.id} is awake` });
      return;
    }
    // Asked for during the recovery from a crash, it is still the policy's: its failures go on counting.
    const recovers = start.background || this.#state === 'starting';
    if (!recovers) Object.assign(this.#record, { crashes: [], kills: [] });
    // One that could not be stopped before must not live on beside its successor.
    if (this.#run) await this.#endRun(this.#run, this.#options.stop.signals);
    else await this.#endLeft();
    const takenPorts: number[] = [];
    for (let attempt = 1; ; attempt += 1) {
      const story = await this.#tryStart(start, recovers, attempt, takenPorts);
      if (story === null) return;
      const port = this.#record.plan?.port ?? null;
      if (story.failure.cause !== 'port_in_use' || port === null || attempt >= mostPorts) {
        await this.#startFailed(recovers, story);
        throw failureError(this.#options.id, story.failure);
      }
      takenPorts.push(port);
      this.#say(
        { kind: 'info', text: `${this.#options.id}: port ${port} was taken in between, trying another` },
        start,
      );
    }
  }

  /** Null when it became ready. Throws what `plan` threw, and the abort's reason. */
  async #tryStart(
    start: SharedStart,
    recovers: boolean,
    attempt: number,
    takenPorts: readonly number[],
  ): Promise<FailureStory | null> {
    const { crashes, kills, restarts, killed, kept } = this.#record;
    this.#record = { ...newRecord(this.#options), crashes, kills, restarts, killed, kept };
    this.#told = Promise.withResolvers();
    this.#progress = null;
    this.#move('starting');
    const { readyToken } = this.#record;
    let plan: ProcessPlan;
    try {
      plan = await this.#options.plan({ attempt, readyToken, takenPorts, signal: start.signal });
    } catch (error) {
      if (start.signal.aborted) return await this.#endAborted(null, start);
      await this.#startFailed(recovers, await this.#describe(cannotStart(error)));
      throw error;
    }
    Object.assign(this.#record, { plan, port: plan.port });
    if (start.signal.aborted) {
      this.#freePort(plan);
      return await this.#endAborted(null, start);
    }
    const run = await this.#spawn(plan).catch(async (error) => {
      this.#freePort(plan);
      return await this.#describe(cannotStart(error));
    });
    return run instanceof ProcessRun ? await this.#awaitReady(run, start) : run;
  }

  async #spawn(plan: ProcessPlan): Promise<ProcessRun> {
    const { id, logFile, limits, state, resolveEnv } = this.#options;
    const { nonce } = this.#record;
    const marks = {
      [nonceVariable]: nonce,
      [workerVariable]: id,
      ...(state !== undefined && { [stateVariable]: state }),
    };
    const own = (await resolveEnv?.(plan.env)) ?? plan.env;
    const env = cleanEnvironment(this.#options.env, { ...own, ...marks });
    // Also the working folder of a process that asks for no other.
    await this.#runner.mkdir(dirname(logFile));
    const program = await checkProgram(plan.argv[0] ?? '', { path: env['PATH'], cwd: plan.cwd });
    if (!program.ok) throw Object.assign(new Error(program.problem), { hint: program.hint });
    const request = { name: id, nonce, limits, env };
    const { argv, folder } = await this.#confiner.confine(plan.argv, request);
    const from = await stat(logFile).then(
      ({ size }) => size,
      () => 0,
    );
    Object.assign(this.#record, { logFrom: from, groupFolder: folder });
    this.#record.bootId = await (await processTable()).bootId();
    // Written first: should this owner die now, the next one finds the process by its nonce.
    await this.#keeper.save();
    this.#mayBeLeft = true;
    const { pid, exited } = await this.#runner.spawnDetached(argv, { env, cwd: plan.cwd, logFile });
    const identity = (await this.#runner.identity(pid)) ?? {
      pid,
      startTime: '',
      bootId: this.#record.bootId,
      group: pid,
    };
    Object.assign(this.#record, { pid, startTime: identity.startTime, spawnedAt: this.#now() });
    const run = new ProcessRun({
      id,
      runner: this.#runner,
      identity,
      plan,
      log: { file: logFile, from },
      nonce,
      group: this.#group,
      exited,
    });
    this.#run = run;
    this.#move('loading');
    this.#keeper.saveSoon();
    return run;
  }

  async #awaitReady(run: ProcessRun, start: SharedStart): Promise<FailureStory | null> {
    this.#told ??= Promise.withResolvers();
    const told = this.#told.promise;
    const onProgress = (progress: number) => {
      this.#progress = progress;
      this.#say({ kind: 'progress', id: this.#step, done: Math.round(progress * 100), total: 100, unit: '%' }, start);
      this.#changed();
    };
    this.#say({ kind: 'step', id: this.#step, text: `${this.#options.id}: loading (pid ${run.identity.pid})` }, start);
    try {
      await run.waitReady({ told, onProgress, signal: start.signal });
    } catch (error) {
      if (!(error instanceof NotReadyError)) return await this.#endAborted(run, start);
      const gone = error.reason.kind === 'exited';
      await this.#endRun(run, gone ? [] : this.#options.stop.signals);
      return await this.#describe(error.reason, run);
    }
    this.#progress = null;
    this.#record.readyAt = this.#now();
    this.#record.kept = true;
    this.#move('ready');
    const ms = Date.parse(this.#record.readyAt) - Date.parse(this.#record.spawnedAt ?? this.#record.readyAt);
    this.#say(
      {
        kind: 'done',
        id: this.#step,
        text: `${this.#options.id} is ready${this.#record.port === null ? '' : ` on port ${this.#record.port}`}`,
        ms,
      },
      start,
    );
    this.#watchEnd(run);
    this.#watchLive(run);
    // Callers are not told that it is ready before the next owner would know it too.
    await this.#keeper.saveIfPossible();
    return null;
  }

  get #step(): string {
    return startStep(this.#options.id);
  }

  /** Nobody wants it any more; or the owner goes away, and then the process stays. */
  async #endAborted(run: ProcessRun | null, start: SharedStart): Promise<never> {
    if (!this.#closed) {
      this.#move('stopping');
      if (run) await this.#endRun(run, this.#options.stop.signals);
      this.#record.wanted = 'stopped';
      this.#told = null;
      this.#move('stopped');
      void this.#keeper.saveIfPossible();
    }
    throw start.signal.reason;
  }

  /** A start that was killed from outside is not held against the process. */
  async #startFailed(recovers: boolean, story: FailureStory): Promise<void> {
    if (recovers || story.kind === 'kill') await this.#decideAfter(story.kind, story);
    else this.#fail(story.failure);
  }

  // Ready

  #watchEnd(run: ProcessRun): void {
    void run.exited.then((exit) => this.#lostLater(run, { kind: 'ended', exit }));
  }

  #watchLive(run: ProcessRun): void {
    this.#suspect = false;
    run.watchLive({
      busy: this.#options.busy,
      onSuspicion: (suspect) => {
        this.#suspect = suspect;
        this.#changed();
      },
      onUnhealthy: (problem) => this.#lostLater(run, { kind: 'unhealthy', problem }),
    });
  }

  #lostLater(run: ProcessRun, reason: EndReason): void {
    this.#enqueue(() => this.#lost(run, reason)).catch((error) => this.#say({ kind: 'warning', text: String(error) }));
  }

  /** A ready process has ended, or is as good as dead. */
  async #lost(run: ProcessRun, reason: EndReason): Promise<void> {
    if (this.#run !== run || this.#closed) return;
    if (this.#state === 'failed') {
      // It could not be stopped before, and has gone now.
      await this.#endRun(run, []);
      return this.#changed();
    }
    this.#move('unhealthy');
    const seen = reason.kind === 'unhealthy' ? { ...reason, frozen: await run.isFrozen() } : reason;
    try {
      await this.#endRun(run, reason.kind === 'unhealthy' ? this.#options.stop.signals : []);
    } catch (error) {
      return this.#fail((await this.#describe(cannotStart(error), run)).failure);
    }
    await this.#decideAfterEnd(seen, this.#describe(seen, run));
  }

  async #decideAfterEnd(reason: EndReason, story: Promise<FailureStory>): Promise<void> {
    if (reason.kind === 'ended' && reason.exit.code === 0) return await this.#decideAfter('clean', story);
    if (!mayBeKilled(reason)) return await this.#decideAfter('crash', story);
    const { crashes, kills = [] } = this.#record;
    const isFirst = recentEnds([...crashes, ...kills].map(Date.parse), this.#time()).length === 0;
    if (!isFirst || this.#options.policy === 'never') return await this.#decideAfter((await story).kind, story);
    // The first of five minutes is followed by a restart at once, whatever it was: only the count waits for the diagnosis.
    await this.#decideAfter('kill', story);
    void story.then(({ kind }) => {
      if (kind === 'crash') this.#wasCrash();
    });
  }

  /** What counted as a kill at first was none. */
  #wasCrash(): void {
    const { crashes, kills = [], killed = 0 } = this.#record;
    if (kills.length === 0) return;
    Object.assign(this.#record, { crashes: [...crashes, ...kills], kills: [], killed: killed - 1 });
    this.#keeper.saveSoon();
    this.#changed();
  }

  /** Restarts, stops or gives up, as the policy has it. */
  async #decideAfter(kind: EndKind, story: FailureStory | Promise<FailureStory>): Promise<void> {
    const { policy, id, clock } = this.#options;
    const next = afterEnd({
      policy,
      kind,
      crashes: this.#record.crashes.map(Date.parse),
      kills: (this.#record.kills ?? []).map(Date.parse),
      now: this.#time(),
      random: (clock?.random ?? Math.random)(),
    });
    if (next.kind === 'stopped') {
      this.#record.wanted = 'stopped';
      this.#move('stopping');
      this.#move('stopped');
      return void this.#keeper.saveIfPossible();
    }
    const asText = (at: number) => new Date(at).toISOString();
    Object.assign(this.#record, { crashes: next.crashes.map(asText), kills: next.kills.map(asText) });
    if (next.kind === 'failed') {
      const { failure } = await story;
      const times = `(${next.crashes.length} times in five minutes)`;
      return this.#fail({ ...failure, message: next.loop ? `${failure.message} ${times}` : failure.message });
    }
    if (kind === 'kill') this.#record.killed = (this.#record.killed ?? 0) + 1;
    this.#record.restarts += 1;
    this.#move('starting');
    void this.#keeper.saveIfPossible();
    // A stop that was asked for while it was ending has the last word.
    if (this.#stopsAhead > 0 || this.#closed) return;
    // The diagnosis is for people; the restart need not wait for it.
    void Promise.resolve(story).then(({ failure: { message, hint } }) =>
      this.#say({ kind: 'warning', text: `${id}: ${message}; starting it again`, hint }),
    );
    if (next.delayMs === 0) this.#enqueueStart(true);
    else this.#restartTimer = setTimeout(() => this.#enqueueStart(true), next.delayMs);
  }

  #fail(failure: WorkerFailure): void {
    this.#record.failure = failure;
    this.#told = null;
    this.#progress = null;
    this.#move('failed');
    void this.#keeper.saveIfPossible();
  }

  // Sleeping

  async #runSleep({ drain: drains, narrate, skip }: Rest): Promise<void> {
    const { id, drain } = this.#options;
    if (this.#state === 'sleeping') return;
    const run = this.#run;
    if (!run || this.#state !== 'ready') throw RbeeError.of('WORKER_NOT_READY', { worker: id, state: this.#state });
    const { rest } = run.plan;
    if (!rest) throw cannotSleep(id, this.#options);
    if (drain && drains) {
      const problem = await waitDrained(drain, { skip, exited: run.exited });
      if (problem !== null) narrate?.({ kind: 'warning', text: `${id}: cannot drain: ${problem}` });
    }
    // An engine that rests may answer no question, and one that has begun to rest neither.
    run.restLive();
    // Written first: who takes one for awake that sleeps would send it requests, and waking one twice does no harm.
    this.#record.asleep = true;
    await this.#keeper.saveIfPossible();
    try {
      await askToRest(rest.sleep, { id, action: 'put to sleep', exited: run.exited, skip });
    } catch (error) {
      // Its owner went away in the middle: it may sleep by now.
      if (this.#closed) throw error;
      this.#record.asleep = false;
      if (run.exit === null) this.#watchLive(run);
      void this.#keeper.saveIfPossible();
      throw error;
    }
    this.#move('sleeping');
  }

  async #runWake(narrate: WaitOptions['narrate'], skip: AbortSignal): Promise<void> {
    const { id } = this.#options;
    if (this.#state === 'ready') return;
    const run = this.#run;
    const rest = run?.plan.rest;
    if (!run || !rest || this.#state !== 'sleeping') {
      throw RbeeError.of('WORKER_NOT_READY', { worker: id, state: this.#state });
    }
    narrate?.({ kind: 'info', text: `waking ${id}` });
    await askToRest(rest.wake, { id, action: 'woken', exited: run.exited, skip });
    this.#record.asleep = false;
    this.#move('ready');
    this.#watchLive(run);
    await this.#keeper.saveIfPossible();
  }

  // Stopping

  async #enqueueStop(
    { now, kill, forget, signal, narrate }: StopOptions & { kill?: boolean; forget?: boolean },
    wanted: RunRecord['wanted'],
  ): Promise<void> {
    this.#cancelStarts();
    if (now) this.#skipDrain.abort();
    this.#skipRest.abort(new Error('it is being stopped'));
    this.#skipRest = new AbortController();
    this.#stopsAhead += 1;
    if (forget) this.#deletions += 1;
    const done = this.#enqueue(async () => {
      this.#stopsAhead -= 1;
      try {
        await this.#runStop({ drain: !now, kill: kill === true, narrate }, wanted);
        if (forget) await this.#forget();
      } finally {
        if (forget) this.#deletions -= 1;
        this.#skipDrain = new AbortController();
        this.#skipLadder = new AbortController();
      }
    });
    await orAborted(done, signal, `${this.#options.id} to stop`);
  }

  async #runStop(
    { drain, kill, narrate }: { drain: boolean; kill: boolean; narrate: WaitOptions['narrate'] },
    wanted: RunRecord['wanted'],
  ): Promise<void> {
    if (this.#deleted || this.#closed) return;
    this.#record.wanted = wanted;
    const run = this.#run;
    if (run) {
      await this.#keeper.saveIfPossible();
      if (drain && (this.#state === 'ready' || this.#state === 'unhealthy')) await this.#drain(run, narrate);
      this.#move('stopping');
      narrate?.({ kind: 'info', text: `${this.#options.id}: stopping (pid ${run.identity.pid})` });
      try {
        await this.#endRun(run, kill ? [] : this.#options.stop.signals);
      } catch (error) {
        this.#fail((await this.#describe(cannotStart(error), run)).failure);
        throw error;
      }
    } else {
      await this.#endLeft();
      if (this.#state === 'stopped') return;
      if (this.#state !== 'failed') this.#move('stopping');
    }
    this.#told = null;
    this.#progress = null;
    Object.assign(this.#record, { failure: null, crashes: [], kills: [] });
    this.#move('stopped');
    await this.#keeper.saveIfPossible();
  }

  async #forget(): Promise<void> {
    // Its owner went away in the middle: the process may be running still, and the next owner must find it.
    if (this.#closed || this.#deleted) return;
    await this.#keeper.forget();
    this.#deleted = true;
  }

  async #drain(run: ProcessRun, narrate: WaitOptions['narrate']): Promise<void> {
    const { drain, id } = this.#options;
    if (drain === undefined) return;
    this.#move('draining');
    narrate?.({ kind: 'info', text: `${id}: waiting for running requests` });
    const skip = AbortSignal.any([this.#skipDrain.signal, this.#skipLadder.signal]);
    const problem = await waitDrained(drain, { skip, exited: run.exited });
    if (problem !== null) narrate?.({ kind: 'warning', text: `${id}: cannot drain: ${problem}` });
  }

  async #endRun(run: ProcessRun, signals: ManagedProcessOptions['stop']['signals']): Promise<void> {
    await run.end({ signals, hurry: this.#skipLadder.signal });
    await this.#options.scrub?.(this.#options.logFile);
    if (this.#run === run) this.#run = null;
    this.#mayBeLeft = false;
    this.#freePort(run.plan);
    Object.assign(this.#record, { pid: null, startTime: null, port: null, asleep: false });
  }

  /** Ends what a spawn or an adoption that broke off may have left. */
  async #endLeft(): Promise<void> {
    if (!this.#mayBeLeft) return;
    const group = this.#group;
    const signals = this.#options.stop.signals;
    const name = this.#options.id;
    await endStrays(this.#runner, { name, nonce: this.#record.nonce, group, signals, hurry: this.#skipLadder.signal });
    await group.release();
    this.#mayBeLeft = false;
  }

  get #group(): RunGroup {
    const { id: name, nonce, groupFolder: folder } = this.#record;
    return this.#confiner.groupOf({ name, nonce, folder });
  }

  // Adopting

  async #runAdopt(record: RunRecord): Promise<boolean> {
    const { policy, stop, limits, data, logFile } = this.#options;
    const kept = record.kept ?? record.readyAt !== null;
    this.#record = { ...record, kept, policy, stop, limits, data, logFile };
    this.#mayBeLeft = true;
    const bootId = await (await processTable()).bootId();
    this.#mayBeLeft = record.bootId === bootId;
    const identity = await findProcess(this.#runner, record, bootId, this.#group);
    this.#told = Promise.withResolvers();
    if (identity !== null && record.plan !== null) return await this.#goOn(identity, record.plan);
    Object.assign(this.#record, { pid: null, startTime: null, port: null, asleep: false });
    if (record.wanted === 'stopped') {
      this.#changed();
    } else if (record.failure !== null) {
      this.#move('starting');
      this.#move('failed');
    } else {
      this.#move('starting');
      if (record.pid !== null && record.bootId === bootId) await this.#endedUnseen(record.pid, record);
      else this.#enqueueStart(true);
    }
    return false;
  }

  /** It ended while no owner watched: what is left to tell of it is its log and the kernel's. */
  async #endedUnseen(pid: number, { startTime }: RunRecord): Promise<void> {
    await this.#options.scrub?.(this.#options.logFile);
    const reason: EndReason = { kind: 'ended', exit: { code: null, signal: null } };
    const log = { file: this.#options.logFile, from: this.#record.logFrom ?? 0 };
    const memory = ranOutOfMemory(this.#runner, { pid, startTime, group: null, before: null, killed: true });
    await this.#decideAfterEnd(reason, this.#describe(reason, { log, ranOutOfMemory: memory }));
  }

  /** True, unless its last owner was about to stop it: then that is finished. */
  async #goOn(identity: ProcessIdentity, plan: ProcessPlan): Promise<boolean> {
    const { id, logFile } = this.#options;
    const record = this.#record;
    const log = { file: logFile, from: record.logFrom ?? 0 };
    const { nonce } = record;
    const run = new ProcessRun({ id, runner: this.#runner, identity, plan, log, nonce, group: this.#group });
    this.#run = run;
    Object.assign(record, { pid: identity.pid, startTime: identity.startTime, port: plan.port });
    record.spawnedAt ??= this.#now();
    this.#move('starting');
    if (record.wanted === 'stopped') {
      await this.#runStop({ drain: false, kill: false, narrate: undefined }, 'stopped');
      return false;
    }
    if (record.readyAt === null) {
      this.#move('loading');
      this.#enqueueStart(true);
    } else {
      this.#told?.resolve();
      this.#watchEnd(run);
      if (record.asleep) this.#move('sleeping');
      else {
        this.#move('ready');
        this.#watchLive(run);
      }
    }
    void this.#keeper.saveIfPossible();
    return true;
  }

  // Housekeeping

  #assertUsable(): void {
    if (this.#deleted || this.#deletions > 0)
      throw RbeeError.of('WORKER_NOT_FOUND', { worker: this.#options.id, near: '' });
    if (this.#closed) throw RbeeError.of('CANCELLED', { what: `work on ${this.#options.id}` });
  }

  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #move(state: State): void {
    if (state !== this.#state && !workerMoves[this.#state].includes(state)) {
      throw new Error(`${this.#options.id} cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    if (!this.#closed) this.#options.onChange();
  }

  #cancelRestart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
  }

  #freePort({ port }: ProcessPlan): void {
    if (port !== null) this.#options.onPortFree?.(port);
  }

  #say(event: NarrationEvent, start?: SharedStart): void {
    this.#options.narrate?.(event);
    start?.narrate(event);
  }

  async #describe(reason: EndReason, run?: Pick<ProcessRun, 'log' | 'ranOutOfMemory'>): Promise<FailureStory> {
    const memory = 'exit' in reason ? ((await run?.ranOutOfMemory) ?? null) : null;
    const { diagnose, limits, redact } = this.#options;
    const memoryLimit = limits.memoryBytes;
    return await describeFailure({ reason, log: run?.log, diagnose, memory, memoryLimit, now: this.#time(), redact });
  }

  #time(): number {
    return this.#options.clock?.now() ?? Date.now();
  }

  #now(): string {
    return new Date(this.#time()).toISOString();
  }
}

const orAborted = async (done: Promise<void>, signal: AbortSignal | undefined, what: string): Promise<void> => {
  if (signal === undefined) return await done;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(RbeeError.of('CANCELLED', { what: `waiting for ${what}` }));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([done, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
