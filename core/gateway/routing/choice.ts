/** Which worker gets a request: a pure function of what is known about the workers. */
import type { Aliases } from '../../config/aliases.ts';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import {
  acceptedTypes,
  isPattern,
  matchPath,
  methodsOf,
  takesMethod,
  takesPath,
  takesType,
} from '../../contract/worker-type/served-path.ts';
import type { HttpMethod, ServedKind, ServedPath } from '../../contract/worker-type/worker-type.ts';
import { unsupported } from '../../http/error-answers.ts';
import { didYouMean } from '../../narration/near.ts';
import { pathNotServed } from './path-not-served.ts';

/** A worker as routing sees it. */
export interface Candidate {
  /** Unique in the fleet; its id is not. */
  key: string;
  worker: HiveWorker;
  /** It can take requests: it is ready, its machine answers, and it is not being stopped. */
  open: boolean;
  /** It sleeps and can be woken for a request. */
  asleep: boolean;
  /** It starts, loads or restarts, so it will take requests soon. */
  coming: boolean;
  /** Its state in a word, for messages: `loading`, `lost`. */
  state: string;
}

export interface Wanted {
  model: string;
  method: string;
  path: string;
  /** Media type of the body, if there is one. */
  bodyType?: string;
  /** Key of the only worker that can answer: the one that made an id in the path. */
  only?: string;
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
 * request. Throws MODEL_NOT_FOUND, PATH_NOT_SERVED, UNSUPPORTED_CONTENT_TYPE, NO_READY_WORKER; the last with `retryAfter` if a
 * worker will be ready soon.
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
  let refusing: ServedPath | undefined;
  let isComing = false;
  for (const { key, worker, open, asleep, coming } of named) {
    if (wanted.only !== undefined && wanted.only !== key) continue;
    const served = servedAt(worker, wanted);
    if (!served) continue;
    if (wanted.bodyType !== undefined && !takesType(acceptedTypes(served), wanted.bodyType)) {
      refusing = served;
      continue;
    }
    paths = true;
    if (excluded.has(key)) continue;
    if (!(open || asleep)) {
      isComing ||= coming;
      continue;
    }
    const better = !best || (best.asleep === asleep ? isLessBusy({ key, worker }, best, load) : best.asleep);
    if (better) best = { key, worker, served, asleep };
  }
  if (best) return best;
  if (paths) throw noneReady(wanted, named, { excluded, isComing });
  if (refusing) throw unsupported(wanted.bodyType ?? '', wanted.path, acceptedTypes(refusing).join(', '));
  const others = candidates.serving(wanted.method, wanted.path);
  throw pathNotServed({ ...wanted, workers: named.map(workerOf), others: others.map(workerOf) });
};

/** What all workers together accept at a declared path. */
interface Route {
  kind: ServedKind;
  methods: HttpMethod[];
  types: string[];
}

const noAliases: Aliases = new Map();
/** Ollama's clients add it to every name. */
const latest = ':latest';

/**
 * Workers by the names of the models they serve. A request may name an alias, which comes first; then a name, exactly, ignoring
 * case, or with `:latest` after it.
 */
export class Names {
  readonly aliases: Aliases;
  readonly #exact = new Map<string, Candidate[]>();
  readonly #folded = new Map<string, Candidate[]>();
  readonly #paths = new Map<string, Route>();
  /** For paths that stand for several. */
  readonly #patterns = new Map<string, Route>();
  readonly #keys = new Map<string, Candidate>();
  /** Names of the ids that bind a request to a worker. */
  readonly #ids = new Set<string>();

  constructor(candidates: Iterable<Candidate>, aliases = noAliases) {
    this.aliases = aliases;
    for (const candidate of candidates) {
      this.#keys.set(candidate.key, candidate);
      for (const name of new Set(candidate.worker.names)) add(this.#exact, name, candidate);
      for (const name of new Set(candidate.worker.names.map((one) => one.toLowerCase())))
        add(this.#folded, name, candidate);
      for (const served of candidate.worker.serves) {
        extend(isPattern(served.path) ? this.#patterns : this.#paths, served);
        if (served.affinity) for (const id of Object.keys(served.affinity)) this.#ids.add(id);
      }
    }
  }

  /** The same for a part of the workers. */
  only(isIncluded: (candidate: Candidate) => boolean): Names {
    return new Names([...this.#keys.values()].filter(isIncluded), this.aliases);
  }

  /** The workers of a model as a request names it. */
  named(model: string): readonly Candidate[] {
    return this.#lookUp(this.#served(model)) ?? [];
  }

  /** The served name that the name in a request stands for; undefined if no worker serves it. */
  canonical(model: string): string | undefined {
    const [candidate] = this.named(model);
    return candidate && this.nameAt(candidate.worker, model);
  }

  /** What a worker itself calls the model that a request names; undefined if it does not serve it. */
  nameAt({ names }: HiveWorker, model: string): string | undefined {
    const served = this.#served(model);
    if (names.includes(served)) return served;
    const folded = served.toLowerCase();
    return names.find((name) => name.toLowerCase() === folded);
  }

  #served(model: string): string {
    const plain = this.aliases.has(model) ? model : this.#withoutLatest(model);
    const served = this.aliases.get(plain);
    return served === undefined ? plain : this.#withoutLatest(served);
  }

  #withoutLatest(name: string): string {
    return name.endsWith(latest) && !this.#lookUp(name) ? name.slice(0, -latest.length) : name;
  }

  #lookUp(name: string): readonly Candidate[] | undefined {
    return this.#exact.get(name) ?? this.#folded.get(name.toLowerCase());
  }

  /** Every worker once, in any state. */
  candidates(): Iterable<Candidate> {
    return new Set([...this.#exact.values()].flat());
  }

  byKey(key: string): Candidate | undefined {
    return this.#keys.get(key);
  }

  /** Every name and alias, whether or not a worker is ready for it. */
  all(): string[] {
    const aliases = [...this.aliases].filter(([, served]) => this.#exact.has(served)).map(([alias]) => alias);
    return [...new Set([...aliases, ...this.#exact.keys()])];
  }

  /** Names that can be requested now, with their workers; a request wakes those that sleep. */
  *open(): Generator<[name: string, workers: readonly HiveWorker[]]> {
    for (const [name, candidates] of this.#exact) {
      const workers = candidates.filter(({ open, asleep }) => open || asleep).map(({ worker }) => worker);
      if (workers.length > 0) yield [name, workers];
    }
  }

  /** A worker declares this very path, not a pattern. */
  declares(path: string): boolean {
    return this.#paths.has(path);
  }

  /** Names that can be requested, with their workers; a request waits for those that will be ready soon. */
  *requestable(): Generator<[name: string, workers: readonly Candidate[]]> {
    for (const [name, candidates] of this.#exact) {
      const workers = candidates.filter(({ open, asleep, coming }) => open || asleep || coming);
      if (workers.length > 0) yield [name, workers];
    }
  }

  /** The kind of a path; undefined if no worker serves it. */
  kindOf(path: string): ServedKind | undefined {
    return this.#routesAt(path)[0]?.kind;
  }

  /** Methods that a path accepts for any model; empty if no worker serves it. */
  methodsOf(path: string): readonly string[] {
    return union(this.#routesAt(path).map(({ methods }) => methods));
  }

  /** Content types that a path accepts for any model; empty if no worker serves it. */
  typesOf(path: string): readonly string[] {
    return union(this.#routesAt(path).map(({ types }) => types));
  }

  /** The ids in a path that a worker made, as `name:id`. */
  idsIn(path: string): readonly string[] {
    if (this.#ids.size === 0 || this.#paths.has(path)) return [];
    const ids = new Set<string>();
    for (const declared of this.#patterns.keys()) {
      for (const [name, id] of matchPath(declared, path) ?? []) if (this.#ids.has(name)) ids.add(`${name}:${id}`);
    }
    return [...ids];
  }

  /** The workers that serve a path for a model, or for any. */
  serving(method: string, path: string, model?: string): Candidate[] {
    const candidates = model === undefined ? this.candidates() : this.named(model);
    return [...candidates].filter(({ worker }) => servedAt(worker, { method, path }));
  }

  /**
   * The model for a request that names none, on a path of kind `other`: the only one that is ready there, or the only one that
   * serves it if none is ready. Undefined if there are several or none.
   */
  onlyModelOf(method: string, path: string): string | undefined {
    if (this.kindOf(path) !== 'other') return undefined;
    const serving = this.serving(method, path);
    const open = serving.filter((candidate) => candidate.open);
    const names = new Set((open.length > 0 ? open : serving).map(({ worker }) => worker.names[0]));
    return names.size === 1 ? [...names][0] : undefined;
  }

  /** The most exact first. */
  #routesAt(path: string): readonly Route[] {
    const exact = this.#paths.get(path);
    if (this.#patterns.size === 0) return exact ? [exact] : [];
    const routes = exact ? [exact] : [];
    for (const [declared, route] of this.#patterns) if (takesPath(declared, path)) routes.push(route);
    return routes;
  }
}

const extend = (routes: Map<string, Route>, served: ServedPath): void => {
  const known = routes.get(served.path);
  const route: Route = known ?? { kind: served.kind, methods: [], types: [] };
  if (!known) routes.set(served.path, route);
  for (const method of methodsOf(served)) if (!route.methods.includes(method)) route.methods.push(method);
  for (const type of acceptedTypes(served)) if (!route.types.includes(type)) route.types.push(type);
};

const union = <Item>(lists: readonly (readonly Item[])[]): readonly Item[] =>
  lists.length === 1 ? (lists[0] ?? []) : [...new Set(lists.flat())];

const workerOf = ({ worker }: Candidate): HiveWorker => worker;

const add = (map: Map<string, Candidate[]>, name: string, candidate: Candidate): void => {
  const list = map.get(name);
  if (list) list.push(candidate);
  else map.set(name, [candidate]);
};

const servedAt = (worker: HiveWorker, { method, path }: Omit<Wanted, 'model'>): ServedPath | undefined =>
  worker.serves.find((served) => served.path === path && takesMethod(served, method)) ??
  worker.serves.find((served) => takesPath(served.path, path) && takesMethod(served, method));

/**
 * By health checks first, then by the gateway's requests in progress as a share of the slots, then by the load that the engine
 * reports, then by the time since the last request.
 */
const isLessBusy = (a: Keyed, b: Keyed, load: Load): boolean =>
  (Number(a.worker.suspect ?? false) - Number(b.worker.suspect ?? false) ||
    load.inFlight(a.key) * slotsOf(b, a) - load.inFlight(b.key) * slotsOf(a, b) ||
    engineLoad(a.worker) - engineLoad(b.worker) ||
    load.lastUsed(a.key) - load.lastUsed(b.key)) < 0;

type Keyed = Pick<Candidate, 'key' | 'worker'>;

/** 1 unless both workers report theirs: a share can only be compared with a share. */
const slotsOf = ({ worker }: Keyed, other: Keyed): number =>
  (other.worker.slots === undefined ? undefined : worker.slots) ?? 1;

const engineLoad = (worker: HiveWorker): number => (worker.running ?? 0) + (worker.waiting ?? 0);

const noModel = (model: string, names: Names): RbeeError => {
  const known = [...names.requestable()].map(([name]) => name);
  const shown = model.length > 100 ? `${model.slice(0, 100)}...` : model;
  const hint =
    known.length > 0
      ? `served are: ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', ...' : ''}`
      : 'no model is served; start a worker with: rbee worker spawn';
  return RbeeError.of('MODEL_NOT_FOUND', { model: shown, near: didYouMean(model, names.all()), hint });
};

/** A worker that starts takes longer than this, but may have begun a while ago. */
const retrySeconds = 2;

const noneReady = (
  { model, only }: Wanted,
  named: readonly Candidate[],
  { excluded, isComing }: { excluded: ReadonlySet<string>; isComing: boolean },
): RbeeError => {
  const workers = named.filter(({ key }) => only === undefined || key === only);
  const states = workers.map(
    ({ key, worker, state }) => `${worker.id} ${excluded.has(key) ? 'broke off' : `is ${state}`}`,
  );
  const details = { model, reason: states.slice(0, 5).join(', ') };
  if (isComing) {
    const hint = 'it will be ready soon; send the request again';
    return RbeeError.of('NO_READY_WORKER', { ...details, hint }, { retryAfter: retrySeconds });
  }
  const [worker] = workers.filter(({ key }) => !excluded.has(key));
  return RbeeError.of('NO_READY_WORKER', { ...details, hint: worker ? remedy(worker) : 'run: rbee worker list' });
};

const remedy = ({ worker: { id }, state }: Candidate): string => {
  if (state === 'stopped') return `start it with: rbee worker start ${id}`;
  if (state === 'failed') return `see why with: rbee worker get ${id}`;
  if (state === 'lost') return 'its machine does not answer; run: rbee hive list';
  return 'run: rbee worker list';
};
