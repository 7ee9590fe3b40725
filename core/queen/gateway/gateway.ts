/**
 * The gateway: gives a request to a ready worker of its model and streams the answer back. It knows no engine: what
 * is served where is what worker types declare.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { Narrate } from '../../contract/narration.ts';
import { type Candidate, type Chosen, choose, type Load, Names } from './choice.ts';
import { isCorePath } from './core-paths.ts';
import { brokeOff, type Ended, forward, type Incoming, type Sink } from './forward.ts';
import { type Dial, Pools } from './pools.ts';
import { Waking } from './waking.ts';

export interface GatewayRequest extends Incoming {
  /** Without the query. */
  path: string;
  model: string;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
}

/** A sink that is told which worker answers, before anything else. */
export interface WorkerSink extends Sink {
  from?(worker: HiveWorker): void;
}

export interface DrainOptions {
  /** Close what runs at once. */
  now?: boolean;
  signal?: AbortSignal;
  narrate?: Narrate;
}

/** A worker of the fleet, and how it is reached. */
export interface Reachable {
  /** Hive and id: every table of the gateway is by this, since two hives may use one id. */
  key: string;
  worker: HiveWorker;
  /** Its hive answers. */
  online: boolean;
  /** Why it may not be dialled although it is ready, if so. */
  refused?: string;
  dial?: Dial;
}

/** A worker by its key in the fleet, and by the id that people know. */
export interface WorkerRef {
  key: string;
  id: string;
}

interface Exchange {
  abort: (reason: RbeeError) => void;
  giveElsewhere: () => void;
}

const drainMs = 30_000;
const mostAttempts = 3;

export class Gateway {
  readonly #source: () => Iterable<Reachable>;
  readonly #pools = new Pools();
  readonly #waking: Waking;
  readonly #exchanges = new Map<string, Set<Exchange>>();
  readonly #lastUsed = new Map<string, number>();
  /** Workers that are being stopped, with how many operations are at it. */
  readonly #held = new Map<string, number>();
  readonly #emptied = new Set<() => void>();
  /** How busy each worker is, for a choice. */
  readonly load: Load = {
    inFlight: (key) => this.inFlight(key),
    lastUsed: (key) => this.#lastUsed.get(key) ?? 0,
  };
  #uses = 0;
  #names: Names | undefined;

  /** `source` gives all workers of the fleet, whatever their state; `wake` makes a sleeping one ready, by its key. */
  constructor(source: () => Iterable<Reachable>, wake: (key: string) => Promise<unknown>) {
    this.#source = source;
    this.#waking = new Waking(wake);
  }

  /** The fleet has changed. */
  refresh(): void {
    this.#names = undefined;
  }

  /** Workers by served name, as of now. */
  get names(): Names {
    this.#names ??= this.#readFleet();
    return this.#names;
  }

  /** Requests under way at a worker. */
  inFlight(key: string): number {
    return this.#exchanges.get(key)?.size ?? 0;
  }

  /**
   * Answers a request. Throws MODEL_NOT_FOUND, NO_READY_WORKER, PATH_NOT_SERVED, WORKER_BROKE_OFF as long as nothing
   * has been sent; what goes wrong later is told to the sink. Returns quietly when the client leaves.
   */
  async handle(request: GatewayRequest, sink: WorkerSink): Promise<void> {
    const tried = new Map<string, number>();
    const passedOver = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      const chosen = await this.#awake(request, passedOver);
      if (request.signal.aborted) return;
      const { key, worker } = chosen;
      const ended = await this.#attempt(chosen, request, sink, passedOver);
      if (ended.kind !== 'untouched' || request.signal.aborted) return;
      const error = ended.error instanceof RbeeError ? ended.error : brokeOff(worker.id, ended.error);
      const before = tried.get(key) ?? 0;
      tried.set(key, before + 1);
      passedOver.add(key);
      if (attempt === mostAttempts) throw error;
      if (this.#hasOther(request, passedOver)) continue;
      // An idle connection that the worker has just closed looks like a worker that broke off: one more try tells.
      if (ended.refused || before > 0 || ended.error instanceof RbeeError) throw error;
      passedOver.delete(key);
    }
  }

  /** Gives a worker no more requests, until `release`. */
  hold(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    this.refresh();
  }

  release(key: string): void {
    const left = (this.#held.get(key) ?? 1) - 1;
    if (left > 0) this.#held.set(key, left);
    else this.#held.delete(key);
    this.refresh();
  }

  /** Nothing is heard of its machine: requests to which it has said nothing yet go to other workers, where there are any. */
  giveElsewhere(key: string): void {
    for (const exchange of [...(this.#exchanges.get(key) ?? [])]) exchange.giveElsewhere();
  }

  /** Waits up to 30 s until the requests of a held worker have ended, then closes what is left. */
  async drain({ key, id }: WorkerRef, { now = false, signal, narrate }: DrainOptions = {}): Promise<void> {
    if (!now && this.inFlight(key) > 0) {
      const begun = performance.now();
      narrate?.({
        kind: 'step',
        id: `drain-${id}`,
        text: `waiting for ${requests(this.inFlight(key))} of ${id}`,
        on: 'queen',
      });
      await this.#untilEmpty(key, drainMs, signal);
      signal?.throwIfAborted();
      const left = this.inFlight(key);
      const text = left > 0 ? `closing ${requests(left)} of ${id}` : `the requests of ${id} have ended`;
      narrate?.({ kind: 'done', id: `drain-${id}`, text, ms: Math.round(performance.now() - begun) });
    }
    const reason = RbeeError.of('WORKER_BROKE_OFF', { worker: id, problem: 'it is being stopped' });
    this.abort(key, reason);
  }

  /** Cuts the requests that are under way at a worker. */
  abort(key: string, reason: RbeeError): void {
    for (const exchange of [...(this.#exchanges.get(key) ?? [])]) exchange.abort(reason);
  }

  /** Cuts all connections to workers. */
  async close(): Promise<void> {
    const reason = RbeeError.of('WORKER_BROKE_OFF', { worker: 'of this request', problem: 'the queen is closing' });
    for (const exchanges of this.#exchanges.values()) for (const exchange of exchanges) exchange.abort(reason);
    await this.#pools.close();
  }

  /** A worker that is ready, woken where none is. One that does not wake is passed over; its error is told if there is no other. */
  async #awake(wanted: GatewayRequest, passedOver: Set<string>): Promise<Chosen> {
    let failed: unknown;
    for (;;) {
      let chosen: Chosen;
      try {
        chosen = choose(wanted, this.names, this.load, passedOver);
      } catch (error) {
        throw failed ?? error;
      }
      const { key, asleep } = chosen;
      if (!asleep || wanted.signal.aborted) return chosen;
      try {
        await this.#waking.wake(key, wanted.signal);
      } catch (error) {
        failed = error;
        passedOver.add(key);
      }
    }
  }

  async #attempt(
    { key, worker, served }: Chosen,
    request: GatewayRequest,
    sink: WorkerSink,
    passedOver: ReadonlySet<string>,
  ): Promise<Ended> {
    const own = new AbortController();
    let begun = false;
    const exchange: Exchange = {
      abort: (reason) => own.abort(reason),
      giveElsewhere: () => {
        if (begun || !this.#hasOther(request, new Set([...passedOver, key]))) return;
        own.abort(brokeOff(worker.id, new Error('nothing is heard of its machine')));
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
        apiKey: worker.apiKey,
        endsWithMarker,
        onBegin: () => {
          begun = true;
        },
      };
      return await forward(attempt, request, sink, own.signal);
    } finally {
      request.signal.removeEventListener('abort', leave);
      this.#exit(key, exchange);
    }
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

  #hasOther(request: GatewayRequest, passedOver: ReadonlySet<string>): boolean {
    try {
      choose(request, this.names, this.load, passedOver);
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
    for (const { key, worker, online, refused, dial } of this.#source()) {
      const held = this.#held.has(key);
      const usable = online && !held && refused === undefined;
      const open = worker.state === 'ready' && worker.port !== null && usable;
      const shown = refused ?? (held && worker.state === 'ready' ? 'draining' : worker.state);
      const asleep = worker.state === 'sleeping' && usable;
      candidates.push({ key, worker: withoutCorePaths(worker), open, asleep, state: online ? shown : 'lost' });
      if (worker.port !== null && refused === undefined) dials.set(key, dial);
    }
    this.#pools.keepOnly(dials);
    for (const key of this.#lastUsed.keys()) if (!dials.has(key)) this.#lastUsed.delete(key);
    return new Names(candidates);
  }
}

const withoutCorePaths = (worker: HiveWorker): HiveWorker =>
  worker.serves.some(({ path }) => isCorePath(path))
    ? { ...worker, serves: worker.serves.filter(({ path }) => !isCorePath(path)) }
    : worker;

const requests = (count: number): string => (count === 1 ? '1 request' : `${count} requests`);
