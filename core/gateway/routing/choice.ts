/** Which worker gets a request: a pure function of what is known about the workers. */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { ServedKind, ServedPath } from '../../contract/worker-type.ts';
import { didYouMean } from '../../narration/near.ts';
import { isWildcard, methodsOf, takesMethod, takesPath } from './served-path.ts';

/** A worker as routing sees it. */
export interface Candidate {
  /** Unique in the fleet; its id is not. */
  key: string;
  worker: HiveWorker;
  /** It can take requests: it is ready, its machine answers, and it is not being stopped. */
  open: boolean;
  /** It sleeps and can be woken for a request. */
  asleep: boolean;
  /** Its state in a word, for messages: `loading`, `lost`. */
  state: string;
}

export interface Wanted {
  model: string;
  method: string;
  path: string;
}

export interface Load {
  /** Requests of the gateway in progress at a worker. */
  inFlight(key: string): number;
  /** When it last got one, as an increasing number; 0 for never. */
  lastUsed(key: string): number;
}

export interface Chosen {
  key: string;
  worker: HiveWorker;
  served: ServedPath;
  /** It must be woken first. */
  asleep: boolean;
}

/**
 * The least busy open worker that serves the path, otherwise one that sleeps. `excluded` are those that have failed this
 * request. Throws MODEL_NOT_FOUND, PATH_NOT_SERVED, NO_READY_WORKER.
 */
export const choose = (
  wanted: Wanted,
  candidates: Names,
  load: Load,
  excluded: ReadonlySet<string> = new Set(),
): Chosen => {
  const named = candidates.named(wanted.model);
  if (named.length === 0) throw noModel(wanted.model, candidates);
  let best: Chosen | undefined;
  let paths = false;
  for (const { key, worker, open, asleep } of named) {
    const served = servedAt(worker, wanted);
    if (!served) continue;
    paths = true;
    if (!(open || asleep) || excluded.has(key)) continue;
    const better = !best || (best.asleep === asleep ? isLessBusy({ key, worker }, best, load) : best.asleep);
    if (better) best = { key, worker, served, asleep };
  }
  if (best) return best;
  throw paths ? noneReady(wanted.model, named, excluded) : pathNotServed(wanted, named);
};

/** Workers by the names of the models they serve: exact matches first, otherwise ignoring case. */
export class Names {
  readonly #exact = new Map<string, Candidate[]>();
  readonly #folded = new Map<string, Candidate[]>();
  readonly #paths = new Map<string, ServedKind>();
  /** For paths that end in `/*`. */
  readonly #wildcards = new Map<string, ServedKind>();
  readonly #methods = new Map<string, readonly string[]>();

  constructor(candidates: Iterable<Candidate>) {
    for (const candidate of candidates) {
      for (const name of new Set(candidate.worker.names)) add(this.#exact, name, candidate);
      for (const name of new Set(candidate.worker.names.map((one) => one.toLowerCase())))
        add(this.#folded, name, candidate);
      for (const { path, kind } of candidate.worker.serves) {
        (isWildcard(path) ? this.#wildcards : this.#paths).set(path, kind);
      }
    }
  }

  named(model: string): readonly Candidate[] {
    return this.#exact.get(model) ?? this.#folded.get(model.toLowerCase()) ?? [];
  }

  /** Every worker once, in any state. */
  candidates(): Iterable<Candidate> {
    return new Set([...this.#exact.values()].flat());
  }

  /** Every name, whether or not a worker is ready for it. */
  all(): string[] {
    return [...this.#exact.keys()];
  }

  /** Names that can be requested now, with their workers; a request wakes those that sleep. */
  *open(): Generator<[name: string, workers: readonly HiveWorker[]]> {
    for (const [name, candidates] of this.#exact) {
      const workers = candidates.filter(({ open, asleep }) => open || asleep).map(({ worker }) => worker);
      if (workers.length > 0) yield [name, workers];
    }
  }

  /** The kind of a path; undefined if no worker serves it. */
  kindOf(path: string): ServedKind | undefined {
    const exact = this.#paths.get(path);
    if (exact !== undefined || this.#wildcards.size === 0) return exact;
    for (const [declared, kind] of this.#wildcards) if (takesPath(declared, path)) return kind;
    return undefined;
  }

  /** Methods that a path accepts for any model; empty if no worker serves it. */
  methodsOf(path: string): readonly string[] {
    const known = this.#methods.get(path);
    if (known) return known;
    const methods = new Set<string>();
    if (this.kindOf(path) !== undefined) {
      for (const { worker } of this.candidates()) {
        for (const served of worker.serves) {
          if (takesPath(served.path, path)) for (const method of methodsOf(served)) methods.add(method);
        }
      }
    }
    const all = [...methods];
    // Not for paths below a wildcard: there is no end of them.
    if (this.#paths.has(path)) this.#methods.set(path, all);
    return all;
  }

  /**
   * The model for a request that names none, on a path of kind `other`: the only one that is ready there, or the only one that
   * serves it if none is ready. Undefined if there are several or none.
   */
  onlyModelOf(method: string, path: string): string | undefined {
    if (this.kindOf(path) !== 'other') return undefined;
    const serving = [...this.candidates()].filter(({ worker }) => servedAt(worker, { method, path }));
    const open = serving.filter((candidate) => candidate.open);
    const names = new Set((open.length > 0 ? open : serving).map(({ worker }) => worker.names[0]));
    return names.size === 1 ? [...names][0] : undefined;
  }
}

const add = (map: Map<string, Candidate[]>, name: string, candidate: Candidate): void => {
  const list = map.get(name);
  if (list) list.push(candidate);
  else map.set(name, [candidate]);
};

const servedAt = (worker: HiveWorker, { method, path }: Omit<Wanted, 'model'>): ServedPath | undefined =>
  worker.serves.find((served) => served.path === path && takesMethod(served, method)) ??
  worker.serves.find((served) => takesPath(served.path, path) && takesMethod(served, method));

/**
 * By health checks first, then by the gateway's requests in progress, then by the load that the engine reports, then by the time
 * since the last request.
 */
const isLessBusy = (a: Keyed, b: Keyed, load: Load): boolean =>
  (Number(a.worker.suspect ?? false) - Number(b.worker.suspect ?? false) ||
    load.inFlight(a.key) - load.inFlight(b.key) ||
    engineLoad(a.worker) - engineLoad(b.worker) ||
    load.lastUsed(a.key) - load.lastUsed(b.key)) < 0;

type Keyed = Pick<Candidate, 'key' | 'worker'>;

const engineLoad = (worker: HiveWorker): number => (worker.running ?? 0) + (worker.waiting ?? 0);

const noModel = (model: string, names: Names): RbeeError => {
  const known = [...names.open()].map(([name]) => name);
  const shown = model.length > 100 ? `${model.slice(0, 100)}...` : model;
  const hint =
    known.length > 0
      ? `served are: ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', ...' : ''}`
      : 'no model is served; start a worker with: rbee worker spawn';
  return RbeeError.of('MODEL_NOT_FOUND', { model: shown, near: didYouMean(model, names.all()), hint });
};

const noneReady = (model: string, named: readonly Candidate[], excluded: ReadonlySet<string>): RbeeError => {
  const states = named.map(
    ({ key, worker, state }) => `${worker.id} ${excluded.has(key) ? 'broke off' : `is ${state}`}`,
  );
  return RbeeError.of('NO_READY_WORKER', { model, reason: states.slice(0, 5).join(', ') });
};

const pathNotServed = ({ model, method, path }: Wanted, named: readonly Candidate[]): RbeeError => {
  const serves = named.flatMap(({ worker }) => worker.serves);
  const known = [...new Set(serves.map((served) => `${methodsOf(served).join(', ')} ${served.path}`))].join(', ');
  return RbeeError.of('PATH_NOT_SERVED', { model, path: `${method} ${path}`, known: known || 'nothing' });
};
