/**
 * The gateway: gives a request to a ready worker of its model and streams the answer back. It knows no engine: what
 * is served where is what worker types declare.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { Narrate } from '../../contract/narration.ts';
import type { ServedPath } from '../../contract/worker-type.ts';
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
  worker: HiveWorker;
  online: boolean;
  dial?: Dial;
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
    inFlight: (id) => this.inFlight(id),
    lastUsed: (id) => this.#lastUsed.get(id) ?? 0,
  };
  #uses = 0;
  #names: Names | undefined;

  /** `source` gives all workers of the fleet, whatever their state; `wake` makes one of them ready that sleeps. */
  constructor(source: () => Iterable<Reachable>, wake: (id: string) => Promise<unknown>) {
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
  inFlight(id: string): number {
    return this.#exchanges.get(id)?.size ?? 0;
  }

  /**
   * Answers a request. Throws MODEL_NOT_FOUND, NO_READY_WORKER, PATH_NOT_SERVED, WORKER_BROKE_OFF as long as nothing
   * has been sent; what goes wrong later is told to the sink. Returns quietly when the client leaves.
   */
  async handle(request: GatewayRequest, sink: WorkerSink): Promise<void> {
    const tried = new Map<string, number>();
    const passedOver = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      const { worker, served } = await this.#awake(request, passedOver);
      if (request.signal.aborted) return;
      const ended = await this.#attempt({ worker, served }, request, sink, passedOver);
      if (ended.kind !== 'untouched' || request.signal.aborted) return;
      const error = ended.error instanceof RbeeError ? ended.error : brokeOff(worker.id, ended.error);
      const before = tried.get(worker.id) ?? 0;
      tried.set(worker.id, before + 1);
      passedOver.add(worker.id);
      if (attempt === mostAttempts) throw error;
      if (this.#hasOther(request, passedOver)) continue;
      // An idle connection that the worker has just closed looks like a worker that broke off: one more try tells.
      if (ended.refused || before > 0 || ended.error instanceof RbeeError) throw error;
      passedOver.delete(worker.id);
    }
  }

  /** Gives a worker no more requests, until `release`. */
  hold(id: string): void {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    this.refresh();
  }

  release(id: string): void {
    const left = (this.#held.get(id) ?? 1) - 1;
    if (left > 0) this.#held.set(id, left);
    else this.#held.delete(id);
    this.refresh();
  }

  /** Nothing is heard of its machine: requests to which it has said nothing yet go to other workers, where there are any. */
  giveElsewhere(id: string): void {
    for (const exchange of [...(this.#exchanges.get(id) ?? [])]) exchange.giveElsewhere();
  }

  /** Waits up to 30 s until the requests of a held worker have ended, then closes what is left. */
  async drain(id: string, { now = false, signal, narrate }: DrainOptions = {}): Promise<void> {
    if (!now && this.inFlight(id) > 0) {
      const begun = performance.now();
      narrate?.({
        kind: 'step',
        id: `drain-${id}`,
        text: `waiting for ${requests(this.inFlight(id))} of ${id}`,
        on: 'queen',
      });
      await this.#untilEmpty(id, drainMs, signal);
      signal?.throwIfAborted();
      const left = this.inFlight(id);
      const text = left > 0 ? `closing ${requests(left)} of ${id}` : `the requests of ${id} have ended`;
      narrate?.({ kind: 'done', id: `drain-${id}`, text, ms: Math.round(performance.now() - begun) });
    }
    const reason = RbeeError.of('WORKER_BROKE_OFF', { worker: id, problem: 'it is being stopped' });
    for (const exchange of this.#exchanges.get(id) ?? []) exchange.abort(reason);
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
      const { worker, asleep } = chosen;
      if (!asleep || wanted.signal.aborted) return chosen;
      try {
        await this.#waking.wake(worker.id, wanted.signal);
      } catch (error) {
        failed = error;
        passedOver.add(worker.id);
      }
    }
  }

  async #attempt(
    { worker, served }: { worker: HiveWorker; served: ServedPath },
    request: GatewayRequest,
    sink: WorkerSink,
    passedOver: ReadonlySet<string>,
  ): Promise<Ended> {
    const own = new AbortController();
    let begun = false;
    const exchange: Exchange = {
      abort: (reason) => own.abort(reason),
      giveElsewhere: () => {
        if (begun || !this.#hasOther(request, new Set([...passedOver, worker.id]))) return;
        own.abort(brokeOff(worker.id, new Error('nothing is heard of its machine')));
      },
    };
    const leave = () => own.abort(RbeeError.of('CANCELLED', { what: 'the request' }));
    if (request.signal.aborted) leave();
    else request.signal.addEventListener('abort', leave, { once: true });
    this.#enter(worker.id, exchange);
    try {
      sink.from?.(worker);
      const endsWithMarker = /^(chat|completion)$/.test(served.kind) && served.path.endsWith('/completions');
      const attempt = {
        dispatcher: this.#pools.of(worker),
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
      this.#exit(worker.id, exchange);
    }
  }

  #enter(id: string, exchange: Exchange): void {
    const exchanges = this.#exchanges.get(id) ?? new Set();
    this.#exchanges.set(id, exchanges.add(exchange));
    this.#uses += 1;
    this.#lastUsed.set(id, this.#uses);
  }

  #exit(id: string, exchange: Exchange): void {
    const exchanges = this.#exchanges.get(id);
    exchanges?.delete(exchange);
    if (exchanges?.size !== 0) return;
    this.#exchanges.delete(id);
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

  #untilEmpty(id: string, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#emptied.delete(look);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const look = () => {
        if (this.inFlight(id) === 0) end();
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
    const ids = new Map<string, Dial | undefined>();
    for (const { worker, online, dial } of this.#source()) {
      const held = this.#held.has(worker.id);
      const open = worker.state === 'ready' && worker.port !== null && online && !held;
      const state = !online ? 'lost' : held && worker.state === 'ready' ? 'draining' : worker.state;
      const asleep = worker.state === 'sleeping' && online && !held;
      candidates.push({ worker: withoutCorePaths(worker), open, asleep, state });
      if (worker.port !== null) ids.set(worker.id, dial);
    }
    this.#pools.keepOnly(ids);
    for (const id of this.#lastUsed.keys()) if (!ids.has(id)) this.#lastUsed.delete(id);
    return new Names(candidates);
  }
}

const withoutCorePaths = (worker: HiveWorker): HiveWorker =>
  worker.serves.some(({ path }) => isCorePath(path))
    ? { ...worker, serves: worker.serves.filter(({ path }) => !isCorePath(path)) }
    : worker;

const requests = (count: number): string => (count === 1 ? '1 request' : `${count} requests`);
