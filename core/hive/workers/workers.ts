/** All workers of one hive: spawns them, finds them again after a restart, stops and deletes them. */
import { randomInt, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { secretsOf } from '../../contract/secret-reference.ts';
import { addressWithoutSecrets } from '../../contract/secrets.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { HiveNeed, NeedsRequest } from '../../contract/worker-type/needs.ts';
import { localConfiner } from '../../lifecycle/limits/limits.ts';
import { removeLog } from '../../lifecycle/logs/logs.ts';
import { startStep } from '../../lifecycle/process/managed-process.ts';
import { findUnowned } from '../../lifecycle/process/unowned.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { didYouMean } from '../../narration/near.ts';
import { Redactor } from '../../secrets/redaction.ts';
import type { SecretStore } from '../../secrets/store.ts';
import { type FailedStart, FailedStarts } from './failed-starts.ts';
import type { LaunchDraft } from './launch-draft.ts';
import { Throttle } from './throttle.ts';
import { type PrepareAgain, Worker, type WorkerContext, workerData } from './worker.ts';
import { type GivenSecrets, WorkerSecrets } from './worker-secrets.ts';

export interface WorkersOptions extends Omit<WorkerContext, 'secrets'> {
  /** Where the secrets of its workers are kept; no secrets when absent. */
  secretStore?: SecretStore;
  /** Reports a problem that no caller waits for. */
  onProblem: (message: string, error?: unknown) => void;
  prepare: NonNullable<WorkerContext['prepare']>;
  /** What such a launch would be missing next; changes nothing. */
  needs: (spec: WorkerSpec, context: PrepareAgain & { without?: readonly string[] }) => Promise<HiveNeed | null>;
}

export interface ChangeOptions {
  signal: AbortSignal;
  narrate: Narrate;
  now?: boolean;
  /** The expected worker's uid, because another worker may have its id by now. */
  uid?: string;
  /** Current values of the secrets that it uses; other stored values are kept. */
  secrets?: GivenSecrets;
}

type StartRequest = Extract<NeedsRequest, { start: unknown }>['start'];
type NeedsOptions = Pick<ChangeOptions, 'signal' | 'narrate'> & { without?: readonly string[] };

interface Removal {
  done: Promise<void>;
  /** Deletes its log too. */
  withLog: boolean;
}

/** Milliseconds between two reads of the engines' metrics. */
const loadIntervalMs = 2_000;

/** The part of a spec that is stored: a signature in a URL can be used once and is not stored. */
const keptSpec = ({ components, ...spec }: WorkerSpec, { reference }: LaunchDraft): WorkerSpec => {
  const kept = Object.entries(components ?? {}).map(([name, text]) => [name, addressWithoutSecrets(text)]);
  return {
    ...spec,
    ...(spec.model !== undefined && { model: reference ?? addressWithoutSecrets(spec.model) }),
    ...(components !== undefined && { components: Object.fromEntries(kept) }),
  };
};

const noSecrets = new Redactor(() => []);

/** Whether it has no process, and none is being started. */
const isIdle = ({ process }: Worker): boolean => process.view.state === 'stopped' || process.view.state === 'failed';

export class Workers {
  readonly #options: WorkersOptions & WorkerContext;
  /** Removed after a failed start; their logs are kept. */
  readonly #failedStarts: FailedStarts;
  readonly #throttle: Throttle;
  readonly #workers = new Map<string, Worker>();
  /** Ids of spawns that have no worker yet: an id belongs to one owner until nothing of its worker is left. */
  readonly #claimed = new Set<string>();
  /** Deletions in progress, shared by all callers for the same worker. */
  readonly #removals = new Map<Worker, Removal>();
  readonly #closing = new AbortController();
  #loadTimer: NodeJS.Timeout | null = null;
  readonly #spawning = new Set<Promise<unknown>>();

  constructor(options: WorkersOptions) {
    const { logFileOf } = options;
    this.#failedStarts = new FailedStarts({ file: join(dirname(logFileOf('any')), 'failed-starts.json'), logFileOf });
    this.#throttle = new Throttle(options.onChange);
    const secrets =
      options.secretStore &&
      new WorkerSecrets(options.secretStore, () => [...this.#workers.values()].map(({ spec }) => spec));
    this.#options = { ...options, onChange: this.#throttle.trigger, ...(secrets && { secrets }) };
  }

  /** Redacts secrets in everything shown about workers. */
  get redactor(): Redactor {
    return this.#options.secrets?.redactor ?? noSecrets;
  }

  /** Adopts the workers of an earlier hive; those that died since count as crashed. */
  async start(): Promise<void> {
    const records = await this.#options.records.list();
    await this.#options.secretStore?.load();
    // One damaged record costs its own worker, not the hive.
    await Promise.all(
      records.map((record) =>
        this.#adopt(record).catch((error) =>
          this.#options.onProblem(`the worker ${record.id} of an earlier hive cannot be adopted`, error),
        ),
      ),
    );
    await this.#collectSecrets();
    await this.#tellUnowned().catch((error) => this.#options.onProblem('cannot look for engines without owner', error));
    this.#loadTimer = setInterval(() => void this.#measureLoads(), loadIntervalMs);
    this.#loadTimer.unref();
  }

  /** Leaves all workers running. Spawns in progress are cancelled and undone first. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#loadTimer) clearInterval(this.#loadTimer);
    await Promise.allSettled(this.#spawning);
    await Promise.all([...this.#workers.values()].map((worker) => worker.process.close()));
    this.#throttle.close();
  }

  /** Writes the record of every worker again. */
  async writeAll(): Promise<void> {
    await Promise.allSettled([...this.#workers.values()].map(({ process }) => process.rewrite()));
  }

  async killAll(): Promise<void> {
    await Promise.allSettled([...this.#workers.values()].map(({ process }) => process.kill()));
  }

  list(): HiveWorker[] {
    return [...this.#workers.values()].map((worker) => worker.view()).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** With a `uid`, exactly that worker, even if another one has its id by now. Throws WORKER_NOT_FOUND. */
  get(id: string, uid?: string): Worker {
    const worker = this.#workers.get(id);
    if (worker && uid !== undefined && worker.uid !== uid) {
      throw RbeeError.of('WORKER_NOT_FOUND', { worker: id, near: ': another worker has its id now' });
    }
    if (worker) return worker;
    throw RbeeError.of('WORKER_NOT_FOUND', { worker: id, near: didYouMean(id, this.#workers.keys()) });
  }

  /** The log of a worker, also of one that was removed because its start failed. Throws WORKER_NOT_FOUND. */
  async logOf(id: string): Promise<{ file: string; failed: FailedStart | null }> {
    const failed = this.#workers.has(id) ? null : await this.#failedStarts.find(id);
    return { file: failed ? this.#options.logFileOf(id) : this.get(id).view().logFile, failed };
  }

  /** The errors that a spawn would hit whatever is installed. Throws INVALID_INPUT for an id in use, LIMIT_UNENFORCEABLE. */
  async refuse(spec: WorkerSpec): Promise<void> {
    this.#claim(spec.id)();
    await this.#checkLimits(spec);
  }

  /** What a spawn would be missing next. */
  spawnNeeds(spec: WorkerSpec, options: NeedsOptions): Promise<HiveNeed | null> {
    return this.#options.needs(spec, { ...options, promised: this.#promised() });
  }

  /**
   * What a start of an existing worker would be missing next. Throws WORKER_NOT_FOUND, and what such a start throws.
   */
  async startNeeds({ id, uid, restart = false }: StartRequest, options: NeedsOptions): Promise<HiveNeed | null> {
    const worker = this.get(id, uid);
    if (!restart && !isIdle(worker)) return null;
    return this.#options.needs(worker.spec, { ...options, promised: this.#promised(), was: worker.draft });
  }

  /** Starts a worker and waits until it is ready. A worker that does not become ready is removed. */
  async spawn(spec: WorkerSpec, { signal, ...options }: ChangeOptions): Promise<HiveWorker> {
    const spawned = this.#spawn(spec, { ...options, signal: AbortSignal.any([signal, this.#closing.signal]) });
    this.#spawning.add(spawned);
    return await spawned.finally(() => this.#spawning.delete(spawned));
  }

  async #spawn(spec: WorkerSpec, options: ChangeOptions): Promise<HiveWorker> {
    const release = this.#claim(spec.id);
    const worker = await this.#withSecrets(spec, options, () => this.#add(spec, options)).finally(release);
    try {
      await this.#makeReady(worker, options);
    } catch (error) {
      // Undone: its process ends, and only its log is kept.
      await this.#remove(worker);
      throw await this.#failedStart(worker.id, error);
    }
    return worker.view();
  }

  /** The error of a start, with where to read its log. */
  async #failedStart(id: string, error: unknown): Promise<unknown> {
    const { hive } = this.#options;
    try {
      const message = error instanceof Error ? error.message : String(error);
      await this.#failedStarts.add(id, this.redactor.text(message));
    } catch (problem) {
      this.#options.onProblem(`the failed start of ${id} could not be recorded`, problem);
      return error;
    }
    if (!(error instanceof RbeeError)) return error;
    const body = error.toJSON();
    const command = `rbee worker logs ${id}${hive === 'local' ? '' : ` --hive ${hive}`}`;
    return RbeeError.from({ ...body, hint: `${body.hint} (its log: ${command})` }, { cause: error });
  }

  /** Reserves an id before any wait, so that the second of two spawns with one id is refused. */
  #claim(id: string | undefined): () => void {
    if (id === undefined) return () => {};
    if (this.#isTaken(id)) {
      throw RbeeError.of('INVALID_INPUT', {
        what: 'id',
        problem: `a worker ${id} already exists`,
        hint: 'choose another id, or omit it',
      });
    }
    this.#claimed.add(id);
    return () => this.#claimed.delete(id);
  }

  /** Creates a worker that is listed and has no process yet. */
  async #add(spec: WorkerSpec, { signal, narrate }: ChangeOptions): Promise<Worker> {
    await this.#checkLimits(spec);
    narrate({
      kind: 'step',
      id: 'preflight',
      text: `checking that ${spec.type} can run here`,
      on: `hive ${this.#options.hive}`,
    });
    const draft = await this.#options.prepare(spec, { narrate, signal, promised: this.#promised() });
    narrate({
      kind: 'done',
      id: 'preflight',
      text: `${draft.type} ${draft.pluginVersion} (${draft.variant}, ${draft.binary.id}) can run on ${draft.device}`,
    });
    signal.throwIfAborted();
    // There is no wait between the check and adding the worker, so the check still holds then.
    this.#refuseNameClash(draft);
    const id = spec.id ?? this.#freeId(draft.type);
    const worker = new Worker(id, { spec: keptSpec(spec, draft), draft, uid: randomUUID() }, this.#options);
    this.#workers.set(id, worker);
    this.#options.onChange();
    await this.#failedStarts
      .forget(id)
      .catch((error) => this.#options.onProblem(`the log of an earlier ${id} is still there`, error));
    return worker;
  }

  /** Starts a stopped or failed worker again, with the current plugin, program and model. */
  async startAgain(id: string, options: ChangeOptions): Promise<HiveWorker> {
    const worker = this.get(id, options.uid);
    return this.#withSecrets(worker.spec, options, () => this.#startAgain(worker, options));
  }

  async #startAgain(worker: Worker, { signal, narrate }: ChangeOptions): Promise<HiveWorker> {
    if (isIdle(worker)) {
      await this.#checkLimits(worker.spec);
      const now = { narrate, signal, promised: this.#promised(), was: worker.draft };
      const draft = await this.#options.prepare(worker.spec, now);
      // Another caller may have started it in the meantime; a running worker is left alone.
      if (isIdle(worker)) worker.redraft(draft);
    }
    await this.#makeReady(worker, { signal, narrate });
    return worker.view();
  }

  async stop(id: string, options: ChangeOptions): Promise<HiveWorker> {
    return this.#stop(this.get(id, options.uid), options);
  }

  async #stop(worker: Worker, { signal, narrate, now = false }: ChangeOptions): Promise<HiveWorker> {
    const { id } = worker;
    narrate({
      kind: 'step',
      id: `stop-${id}`,
      text: now ? `stopping ${id}` : `draining and stopping ${id}`,
      on: `hive ${this.#options.hive}`,
    });
    const began = performance.now();
    await worker.process.stop({ now, signal });
    narrate({ kind: 'done', id: `stop-${id}`, text: `${id} is stopped`, ms: performance.now() - began });
    return worker.view();
  }

  async sleep(id: string, options: ChangeOptions): Promise<HiveWorker> {
    return this.#rest(this.get(id, options.uid), 'sleep', options);
  }

  async wake(id: string, options: ChangeOptions): Promise<HiveWorker> {
    return this.#rest(this.get(id, options.uid), 'wake', options);
  }

  async restart(id: string, options: ChangeOptions): Promise<HiveWorker> {
    const worker = this.get(id, options.uid);
    // Before the stop: a missing secret must not end a running worker.
    return this.#withSecrets(worker.spec, options, async () => {
      await this.#stop(worker, options);
      return this.#startAgain(worker, options);
    });
  }

  async delete(id: string, options: ChangeOptions): Promise<HiveWorker> {
    const worker = this.get(id, options.uid);
    await this.#stop(worker, options);
    const last = worker.view();
    await this.#remove(worker, { withLog: true });
    return last;
  }

  async #rest(worker: Worker, change: 'sleep' | 'wake', { narrate, signal, now }: ChangeOptions): Promise<HiveWorker> {
    const { id } = worker;
    const [text, end] = change === 'sleep' ? [`putting ${id} to sleep`, 'sleeps'] : [`waking ${id}`, 'is awake'];
    const began = performance.now();
    narrate({ kind: 'step', id: `${change}-${id}`, text, on: `hive ${this.#options.hive}` });
    await worker.process[change]({ signal, now });
    narrate({ kind: 'done', id: `${change}-${id}`, text: `${id} ${end}`, ms: performance.now() - began });
    return worker.view();
  }

  /** Writes the secrets of a request, and keeps them while `work` creates or starts their worker. */
  async #withSecrets<Result>(
    spec: WorkerSpec,
    { secrets }: ChangeOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const release = await this.#options.secrets?.hold(spec, secrets);
    try {
      return await work();
    } finally {
      await release?.().catch((error) => this.#options.onProblem('secrets that no worker names are still here', error));
    }
  }

  async #collectSecrets(): Promise<void> {
    await this.#options.secrets
      ?.collect()
      .catch((error) => this.#options.onProblem('secrets that no worker names are still here', error));
  }

  /** The ready callback of a worker. False when the token is wrong. */
  ready(id: string, token: string): boolean {
    return this.get(id).process.callbackReady(token);
  }

  /** An engine whose record is lost keeps running and holding memory: only a person can decide what to do with it. */
  async #tellUnowned(): Promise<void> {
    const { records, state, onProblem } = this.#options;
    for (const { id, file } of (await records.examine()).unreadable) {
      onProblem(`the record of worker ${id} cannot be read: ${file}; see: rbee doctor`);
    }
    if (state === undefined) return;
    for (const { worker, pids, argv } of await findUnowned(localRunner, { state, records })) {
      const command = argv.join(' ');
      onProblem(
        `an engine of worker ${worker} runs (pid ${pids[0]}) and no record names it: ${command}; see: rbee doctor`,
      );
    }
  }

  async #adopt(record: Parameters<typeof workerData>[0]): Promise<void> {
    const data = workerData(record);
    if (!data) return await this.#options.records.setAside(record.id);
    const worker = new Worker(record.id, data, this.#options);
    this.#workers.set(record.id, worker);
    if (record.port !== null && record.wanted === 'running') this.#options.ports.reserve(record.port);
    const alive = await worker.process.adopt(record);
    // The hive died during its spawn, before there was a process: the caller knows that, so nothing is kept. A worker
    // that was ready before stays, even without a process after a crash.
    const { pid, wanted, failure, crashes, restarts, kept = false } = record;
    const everRan = kept || failure !== null || crashes.length > 0 || restarts > 0;
    if (!alive && pid === null && wanted === 'running' && !everRan) await this.#remove(worker);
  }

  async #makeReady(worker: Worker, { signal, narrate }: ChangeOptions): Promise<void> {
    const { draft } = worker;
    const what = draft.reference === null ? '' : ` with ${draft.names[0]}`;
    // The process continues this narrated step and completes it.
    narrate({
      kind: 'step',
      id: startStep(worker.id),
      text: `starting ${worker.id} on ${draft.device}${what}`,
      on: `hive ${this.#options.hive}`,
    });
    await worker.process.ensureReady({ signal, narrate });
  }

  /** Stops and deletes a worker. Its id is free again once its process, record and log are gone. */
  #remove(worker: Worker, { withLog = false } = {}): Promise<void> {
    const underWay = this.#removals.get(worker);
    if (underWay) {
      underWay.withLog ||= withLog;
      return underWay.done;
    }
    const removal: Removal = { done: Promise.resolve(), withLog };
    removal.done = this.#carryOut(worker, removal).finally(() => this.#removals.delete(worker));
    this.#removals.set(worker, removal);
    return removal.done;
  }

  async #carryOut(worker: Worker, removal: Removal): Promise<void> {
    await worker.process.delete({ now: true });
    // It was removed, and the worker that has its id now is a different one.
    if (this.#workers.get(worker.id) !== worker) return;
    if (removal.withLog) await removeLog(worker.view().logFile);
    this.#workers.delete(worker.id);
    if (secretsOf(worker.spec).length > 0) await this.#collectSecrets();
    this.#options.onChange();
  }

  /** Before anything is downloaded or stopped for it. Throws LIMIT_UNENFORCEABLE. */
  #checkLimits({ id, type, memoryLimit, cpuLimit }: WorkerSpec): Promise<void> {
    const limits = { memoryBytes: memoryLimit, cpus: cpuLimit };
    return localConfiner.check({ name: id ?? type, limits, env: this.#options.env });
  }

  #isTaken(id: string): boolean {
    return this.#workers.has(id) || this.#claimed.has(id);
  }

  #refuseNameClash(draft: LaunchDraft): void {
    const other = [...this.#workers.values()].find(
      (worker) =>
        worker.draft.reference !== draft.reference && worker.draft.names.some((name) => draft.names.includes(name)),
    );
    if (!other) return;
    throw RbeeError.of('NAME_CONFLICT', {
      name: draft.names.find((name) => other.draft.names.includes(name)) ?? '',
      model: other.draft.reference ?? other.draft.type,
      worker: other.id,
    });
  }

  #freeId(type: string): string {
    const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
    for (;;) {
      const id = `${type}-${Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('')}`;
      if (!this.#isTaken(id)) return id;
    }
  }

  #promised(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const worker of this.#workers.values()) {
      const promise = worker.promised;
      if (promise) sums.set(promise.device, (sums.get(promise.device) ?? 0) + promise.bytes);
    }
    return sums;
  }

  async #measureLoads(): Promise<void> {
    const changes = await Promise.all(
      [...this.#workers.values()].map((worker) => worker.measureLoad(this.#closing.signal)),
    );
    if (changes.includes(true)) this.#options.onChange();
  }
}
