/**
 * The gateway: passes a request on to a ready worker of its model and streams the answer back. It knows no engine: worker types
 * declare which paths they serve.
 */
import type { Aliases } from '../config/aliases.ts';
import type { HiveWorker } from '../contract/api/hive-api.ts';
import type { Narrate } from '../contract/api/narration.ts';
import { RbeeError } from '../contract/errors.ts';
import type { ServedPath } from '../contract/worker-type/worker-type.ts';
import type { Grant } from './access/caller.ts';
import type { Dial, WorkerFleet } from './fleet.ts';
import { brokeOff, type Ended, forward, type Incoming, type Sink } from './forward/forward.ts';
import { readMadeIds } from './forward/made-ids.ts';
import { Pools } from './forward/pools.ts';
import { withModel } from './model-name/rename-model.ts';
import { Affinity } from './routing/affinity.ts';
import { type Candidate, type Chosen, choose, type Load, Names } from './routing/choice.ts';
import { isCorePath } from './routing/core-paths.ts';
import type { KnownPaths } from './routing/normal-path.ts';
import { Waiting } from './routing/waiting.ts';
import { Waking } from './routing/waking.ts';

export type { ResponseHeaders } from './forward/headers.ts';

export interface GatewayRequest extends Incoming {
  /** Without the query. */
  path: string;
  model: string;
  /** The model as the request itself names it, if it does. */
  named?: string;
  /** Media type of the body, if there is one. */
  bodyType?: string;
  /** Key of the only worker that can answer, see `makerOf`. */
  only?: string;
  /** Which models and hives the caller may use; absent for all. */
  grant?: Grant | undefined;
  /** The answer is read on its way, so the worker must not compress it. */
  isRead?: boolean;
  /** Aborted when the client disconnects. */
  signal: AbortSignal;
}

/** A sink that wants to know which worker answers. */
export interface WorkerSink extends Sink {
  /** Called first, and again when another worker is tried. */
  from?(worker: HiveWorker): void;
}

export interface DrainOptions {
  /** Cut requests in progress at once. */
  now?: boolean;
  signal?: AbortSignal;
  narrate?: Narrate;
}

/** A worker by its key in the fleet and by its id for people. */
export interface WorkerRef {
  key: string;
  id: string;
}

export interface GatewayOptions {
  /** Other names of models, by alias. */
  aliases?: Aliases;
  /** How long a request waits for a worker that starts, loads or restarts, in milliseconds. */
  maxWaitMs?: number;
}

interface Exchange {
  abort: (reason: RbeeError) => void;
  retryElsewhere: () => void;
}

const drainTimeoutMs = 30_000;
const maxAttempts = 3;
const defaultMaxWaitMs = 120_000;
/** How long it may take until the fleet shows that a worker has ended. */
const newsMs = 1_000;

export class Gateway implements KnownPaths {
  readonly #fleet: WorkerFleet;
  readonly #aliases: Aliases | undefined;
  readonly #maxWaitMs: number;
  readonly #unwatch: () => void;
  readonly #pools = new Pools();
  readonly #waking: Waking;
  readonly #affinity = new Affinity();
  readonly #exchanges = new Map<string, Set<Exchange>>();
  readonly #lastUsed = new Map<string, number>();
  readonly #waiting = new Waiting();
  /** Workers that get no requests: how many operations hold each of them, and whether it will be ready again afterwards. */
  readonly #held = new Map<string, { count: number; returns: boolean }>();
  readonly #emptied = new Set<() => void>();
  /** How busy each worker is, for `choose`. */
  readonly load: Load = {
    inFlight: (key) => this.inFlight(key),
    lastUsed: (key) => this.#lastUsed.get(key) ?? 0,
  };
  #uses = 0;
  #names: Names | undefined;
  /** What each grant may see of the present fleet. */
  #granted = new WeakMap<Grant, Names>();

  constructor(fleet: WorkerFleet, { aliases, maxWaitMs = defaultMaxWaitMs }: GatewayOptions = {}) {
    this.#fleet = fleet;
    this.#aliases = aliases;
    this.#maxWaitMs = maxWaitMs;
    this.#waking = new Waking((key) => fleet.wake(key));
    this.#unwatch = fleet.watch({ changed: () => this.#refresh(), silent: (key) => this.#retryElsewhere(key) });
  }

  /** Workers by the names of the models they serve, as of now. */
  get names(): Names {
    this.#names ??= this.#readFleet();
    return this.#names;
  }

  /** The same for a caller that may not use every model and hive. */
  namesFor(grant: Grant | undefined): Names {
    if (!grant) return this.names;
    const known = this.#granted.get(grant);
    if (known) return known;
    const granted = this.names.only(({ worker }) => mayUse(grant, worker));
    this.#granted.set(grant, granted);
    return granted;
  }

  /** Waits until all machines have been asked for their workers, as long as none of those known serves the model. */
  async gather(model: string, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#maxWaitMs;
    while (this.#fleet.isGathering() && this.names.named(model).length === 0 && !signal.aborted)
      if (!(await this.#waiting.change(deadline, signal))) return;
  }

  /** A worker declares this very path, not a pattern. */
  isDeclared(path: string): boolean {
    return this.names.declares(path);
  }

  /** A worker declares the path or a pattern for it. */
  isServed(path: string): boolean {
    return this.names.kindOf(path) !== undefined;
  }

  /** An installed worker type declares this very path, whether such a worker runs or not. */
  isInstalled(path: string): boolean {
    for (const declared of this.#fleet.servablePaths()) if (declared === path) return true;
    return false;
  }

  /** The worker that made an id in the path; undefined if there is no such id, or it is not known or gone. */
  makerOf(path: string, names: Names = this.names): Candidate | undefined {
    for (const id of names.idsIn(path)) {
      const maker = this.#affinity.makerOf(id);
      const candidate = maker && names.byKey(maker.key);
      if (candidate?.worker.uid === maker?.uid) return candidate;
    }
    return undefined;
  }

  /** Requests in progress at a worker. */
  inFlight(key: string): number {
    return this.#exchanges.get(key)?.size ?? 0;
  }

  /**
   * Answers a request. Throws MODEL_NOT_FOUND, NO_READY_WORKER, PATH_NOT_SERVED, UNSUPPORTED_CONTENT_TYPE, WORKER_CONNECTION_LOST as
   * long as nothing has been sent; later errors go to the sink. Returns without an error if the client disconnects.
   */
  async handle(request: GatewayRequest, sink: WorkerSink): Promise<void> {
    const tried = new Map<string, number>();
    const excluded = new Set<string>();
    // If its worker ended, it may have been the cause, so it does not wait for the next process of the worker.
    let wasSent = false;
    for (let attempt = 1; ; attempt++) {
      const chosen = await this.#awake(request, excluded, !wasSent);
      if (!chosen || request.signal.aborted) return;
      const { key, worker } = chosen;
      const ended = await this.#attempt(chosen, request, sink, excluded);
      if (ended.kind !== 'untouched' || request.signal.aborted) return;
      const error = ended.error instanceof RbeeError ? ended.error : brokeOff(worker.id, ended.error);
      const before = tried.get(key) ?? 0;
      tried.set(key, before + 1);
      excluded.add(key);
      wasSent ||= !isConnectionRefused(ended.error);
      if (attempt === maxAttempts) throw error;
      if (this.#hasOther(request, excluded)) continue;
      if (!wasSent && (await this.#isReplaced(chosen, request.signal))) {
        excluded.delete(key);
        continue;
      }
      // If the worker had just closed the idle connection, that looks the same as a crash. Try once more to find out.
      if (ended.refused || before > 0 || ended.error instanceof RbeeError) throw error;
      excluded.delete(key);
    }
  }

  /** Requests that wait for a worker to become ready. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The worker gets no more requests until `release`. If it `returns` by then, requests wait for it. */
  hold(key: string, { returns = false }: { returns?: boolean } = {}): void {
    this.#held.set(key, { count: (this.#held.get(key)?.count ?? 0) + 1, returns });
    this.#refresh();
  }

  release(key: string): void {
    const { count = 1, returns = false } = this.#held.get(key) ?? {};
    if (count > 1) this.#held.set(key, { count: count - 1, returns });
    else this.#held.delete(key);
    this.#refresh();
  }

  /** Waits up to 30 s for the requests of a held worker to end, then cuts the rest. */
  async drain({ key, id }: WorkerRef, { now = false, signal, narrate }: DrainOptions = {}): Promise<void> {
    if (!now && this.inFlight(key) > 0) {
      const begun = performance.now();
      narrate?.({
        kind: 'step',
        id: `drain-${id}`,
        text: `waiting for ${requests(this.inFlight(key))} on ${id}`,
        on: 'queen',
      });
      await this.#untilEmpty(key, drainTimeoutMs, signal);
      signal?.throwIfAborted();
      const left = this.inFlight(key);
      const text = left > 0 ? `cutting ${requests(left)} on ${id}` : `the requests on ${id} have finished`;
      narrate?.({ kind: 'done', id: `drain-${id}`, text, ms: Math.round(performance.now() - begun) });
    }
    const reason = RbeeError.of('WORKER_CONNECTION_LOST', { worker: id, problem: 'it is being stopped' });
    this.abort(key, reason);
  }

  /** Cuts the requests in progress at a worker. */
  abort(key: string, reason: RbeeError): void {
    for (const exchange of [...(this.#exchanges.get(key) ?? [])]) exchange.abort(reason);
  }

  /** Cuts all connections to workers. Can be called again. */
  async close(): Promise<void> {
    this.#unwatch();
    const reason = RbeeError.of('WORKER_CONNECTION_LOST', {
      worker: 'of this request',
      problem: 'the queen is closing',
    });
    for (const exchanges of this.#exchanges.values()) for (const exchange of exchanges) exchange.abort(reason);
    await this.#pools.close();
  }

  #refresh(): void {
    this.#names = undefined;
    this.#granted = new WeakMap();
    this.#waiting.wake();
  }

  /** The machine of a worker is silent: requests that it has not begun to answer go to other workers, if there are any. */
  #retryElsewhere(key: string): void {
    for (const exchange of [...(this.#exchanges.get(key) ?? [])]) exchange.retryElsewhere();
  }

  /**
   * A ready worker. Wakes one if none is ready, and waits for one that will be ready soon. Skips workers that do not wake; if none
   * is left, throws why the last did not. Undefined if the client disconnects.
   */
  async #awake(wanted: GatewayRequest, excluded: Set<string>, mayWait: boolean): Promise<Chosen | undefined> {
    let failed: unknown;
    let deadline: number | undefined;
    for (;;) {
      let chosen: Chosen;
      try {
        chosen = choose(wanted, this.namesFor(wanted.grant), this.load, excluded);
      } catch (error) {
        if (!mayWait || !willBeReady(error)) throw failed ?? error;
        deadline ??= performance.now() + this.#maxWaitMs;
        if (!(await this.#waiting.change(deadline, wanted.signal))) throw error;
        if (wanted.signal.aborted) return undefined;
        continue;
      }
      const { key, asleep } = chosen;
      if (!asleep || wanted.signal.aborted) return chosen;
      try {
        await this.#waking.wake(key, wanted.signal);
      } catch (error) {
        failed = error;
        excluded.add(key);
      }
    }
  }

  /** It refused a connection. Waits until the fleet shows that it has ended or runs again; false if that does not happen. */
  async #isReplaced({ key, worker }: Chosen, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + newsMs;
    const isSame = () => {
      const now = this.names.byKey(key)?.worker;
      return now?.pid === worker.pid && now.port === worker.port && now.state === worker.state;
    };
    while (isSame()) if (signal.aborted || !(await this.#waiting.change(deadline, signal))) return false;
    return true;
  }

  async #attempt(
    { key, worker, served }: Chosen,
    request: GatewayRequest,
    sink: WorkerSink,
    excluded: ReadonlySet<string>,
  ): Promise<Ended> {
    const own = new AbortController();
    let begun = false;
    const exchange: Exchange = {
      abort: (reason) => own.abort(reason),
      retryElsewhere: () => {
        if (begun || !this.#hasOther(request, new Set([...excluded, key]))) return;
        own.abort(brokeOff(worker.id, new Error('its machine does not answer')));
      },
    };
    const leave = () => own.abort(RbeeError.of('CANCELLED', { what: 'the request' }));
    if (request.signal.aborted) leave();
    else request.signal.addEventListener('abort', leave, { once: true });
    this.#enter(key, exchange);
    try {
      sink.from?.(worker);
      const endsWithMarker = /^(chat|completion)$/.test(served.kind) && served.path.endsWith('/completions');
      const attempt = {
        dispatcher: this.#pools.of(key, worker),
        worker: worker.id,
        kind: served.kind,
        apiKey: worker.apiKey,
        endsWithMarker,
        isRead: served.affinity !== undefined || request.isRead === true,
        onBegin: () => {
          begun = true;
        },
      };
      const renamed = this.#renamed(worker, request);
      return await forward(
        attempt,
        renamed ? await renamed : request,
        this.#remembering(sink, key, worker, served),
        own.signal,
      );
    } finally {
      request.signal.removeEventListener('abort', leave);
      this.#exit(key, exchange);
    }
  }

  /**
   * The request with the worker's own name for the model, if it uses another. Case makes no difference to a name, so it is passed on
   * as written.
   */
  #renamed(worker: HiveWorker, request: GatewayRequest): Promise<GatewayRequest> | undefined {
    const { named } = request;
    if (named === undefined || worker.names.includes(named)) return undefined;
    const name = this.names.nameAt(worker, named);
    const isSame = name === undefined || name.toLowerCase() === named.toLowerCase();
    return isSame ? undefined : withModel(request, name);
  }

  /** Remembers the ids that the worker makes in its answer, if this path makes any. */
  #remembering(sink: WorkerSink, key: string, { uid }: HiveWorker, { affinity }: ServedPath): WorkerSink {
    if (!affinity) return sink;
    return readMadeIds(sink, affinity, (name, id) => this.#affinity.bind(name, id, { key, uid }));
  }

  #enter(key: string, exchange: Exchange): void {
    const exchanges = this.#exchanges.get(key) ?? new Set();
    this.#exchanges.set(key, exchanges.add(exchange));
    this.#uses += 1;
    this.#lastUsed.set(key, this.#uses);
  }

  #exit(key: string, exchange: Exchange): void {
    const exchanges = this.#exchanges.get(key);
    exchanges?.delete(exchange);
    if (exchanges?.size !== 0) return;
    this.#exchanges.delete(key);
    for (const wake of [...this.#emptied]) wake();
  }

  #hasOther(request: GatewayRequest, excluded: ReadonlySet<string>): boolean {
    try {
      choose(request, this.namesFor(request.grant), this.load, excluded);
      return true;
    } catch {
      return false;
    }
  }

  #untilEmpty(key: string, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#emptied.delete(look);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const look = () => {
        if (this.inFlight(key) === 0) end();
      };
      const timer = setTimeout(end, ms);
      this.#emptied.add(look);
      signal?.addEventListener('abort', end, { once: true });
      if (signal?.aborted) end();
      else look();
    });
  }

  #readFleet(): Names {
    const candidates: Candidate[] = [];
    const dials = new Map<string, Dial | undefined>();
    for (const { key, worker, online, returning = false, refused, dial } of this.#fleet.workers()) {
      const held = this.#held.get(key);
      const usable = online && !held && refused === undefined;
      const open = worker.state === 'ready' && worker.port !== null && usable;
      const shown = refused ?? (held && worker.state === 'ready' ? 'draining' : worker.state);
      const asleep = worker.state === 'sleeping' && usable;
      const coming = refused === undefined && isComing(worker, { held, isOnline: online, isReturning: returning });
      const state = online ? shown : 'lost';
      candidates.push({ key, worker: withoutCorePaths(worker), open, asleep, coming, state });
      if (worker.port !== null && refused === undefined) dials.set(key, dial);
    }
    this.#pools.keepOnly(dials);
    for (const key of this.#lastUsed.keys()) if (!dials.has(key)) this.#lastUsed.delete(key);
    return new Names(candidates, this.#aliases);
  }
}

/** A restart is under way in these. */
const startingStates = new Set<HiveWorker['state']>(['starting', 'loading', 'unhealthy']);

const isComing = (
  { state }: HiveWorker,
  { held, isOnline, isReturning }: { held: { returns: boolean } | undefined; isOnline: boolean; isReturning: boolean },
): boolean => {
  if (!isOnline && !isReturning) return false;
  if (held) return held.returns && state !== 'failed';
  return startingStates.has(state) || (!isOnline && (state === 'ready' || state === 'sleeping'));
};

const willBeReady = (error: unknown): boolean => error instanceof RbeeError && error.retryAfter !== undefined;

/** Nothing of the request was sent. */
const isConnectionRefused = (error: Error): boolean => 'code' in error && error.code === 'ECONNREFUSED';

const withoutCorePaths = (worker: HiveWorker): HiveWorker =>
  worker.serves.some(({ path }) => isCorePath(path))
    ? { ...worker, serves: worker.serves.filter(({ path }) => !isCorePath(path)) }
    : worker;

const mayUse = ({ models, hives }: Grant, { names, hive }: HiveWorker): boolean =>
  (!models || models.some((model) => model === names[0])) && (!hives || hives.includes(hive));

const requests = (count: number): string => (count === 1 ? '1 request' : `${count} requests`);
