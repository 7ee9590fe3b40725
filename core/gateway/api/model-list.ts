/** `GET /v1/models`: one answer in the shapes of OpenAI's and of Anthropic's API, which clients of both accept. */
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { Candidate, Names } from '../routing/choice.ts';

export interface ModelObject {
  /** Name for requests: a served name or an alias. */
  id: string;
  object: 'model';
  /** Seconds since 1970. */
  created: number;
  /** Worker type. */
  owned_by: string;
  type: 'model';
  display_name: string;
  /** ISO 8601. */
  created_at: string;
  /** The served name, for an alias. */
  alias_of?: string;
  /** What happens to a request now: it is answered, wakes a worker, or waits for one. */
  state: 'ready' | 'sleeping' | 'loading';
  /** In the words of Ollama's API: `completion`, `embedding`, `vision`, `tools`; and kinds that it has no word for. */
  capabilities: readonly string[];
  /** Tokens of prompt and answer together. */
  context_length?: number;
  /** What every worker of the model can do, as worker types say it. */
  abilities?: Record<string, boolean | number>;
}

export interface ModelList {
  object: 'list';
  data: readonly ModelObject[];
  has_more: false;
  first_id: string | null;
  last_id: string | null;
}

/** Everything that can be requested, by name. `since` is the date of models whose workers do not tell theirs, in ms. */
export const modelList = (names: Names, since: number): ModelList => {
  const data = [...listed(names)].sort(([a], [b]) => (a < b ? -1 : 1)).map((one) => modelObject(one, since));
  return { object: 'list', data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
};

/** One model of the list; undefined if the name stands for none of them. */
export const modelNamed = (names: Names, name: string, since: number): ModelObject | undefined => {
  const all = new Map([...listed(names)].map((one) => [one[0], one]));
  const found = all.get(name) ?? all.get(names.canonical(name) ?? '');
  return found && modelObject(found, since);
};

type Listed = readonly [id: string, workers: readonly Candidate[], aliasOf?: string];

function* listed(names: Names): Generator<Listed> {
  for (const [name, workers] of names.requestable()) if (!names.aliases.has(name)) yield [name, workers];
  for (const alias of names.aliases.keys()) {
    const workers = names.named(alias).filter(({ open, asleep, coming }) => open || asleep || coming);
    if (workers.length > 0) yield [alias, workers, names.canonical(alias)];
  }
}

const modelObject = ([id, candidates, aliasOf]: Listed, since: number): ModelObject => {
  const workers = candidates.map(({ worker }) => worker);
  const created = Math.min(...workers.map(({ readyAt, startedAt }) => Date.parse(readyAt ?? startedAt ?? '') || since));
  const abilities = commonAbilities(workers);
  const { contextLength } = abilities;
  return {
    id,
    object: 'model',
    created: Math.floor(created / 1_000),
    owned_by: workers[0]?.type ?? 'rbee',
    type: 'model',
    display_name: id,
    created_at: new Date(Math.floor(created / 1_000) * 1_000).toISOString(),
    ...(aliasOf !== undefined && { alias_of: aliasOf }),
    state: stateOf(candidates),
    capabilities: capabilitiesOf(workers, abilities),
    ...(typeof contextLength === 'number' && { context_length: contextLength }),
    ...(Object.keys(abilities).length > 0 && { abilities }),
  };
};

const stateOf = (workers: readonly Candidate[]): ModelObject['state'] => {
  if (workers.some(({ open }) => open)) return 'ready';
  return workers.some(({ asleep }) => asleep) ? 'sleeping' : 'loading';
};

/** Ollama's words for kinds, where it has one. */
const wordOfKind: Readonly<Record<string, string>> = { chat: 'completion' };

const capabilitiesOf = (workers: readonly HiveWorker[], abilities: Record<string, boolean | number>): string[] => {
  const kinds = workers.flatMap(({ serves }) => serves.map(({ kind }) => wordOfKind[kind] ?? kind));
  const can = Object.entries(abilities).flatMap(([name, value]) => (value === true ? [name] : []));
  return [...new Set([...kinds.filter((kind) => kind !== 'other'), ...can])].sort();
};

/** What a model can do whichever worker answers: the lowest of numbers; what one worker does not report is left out. */
const commonAbilities = (workers: readonly Pick<HiveWorker, 'abilities'>[]): Record<string, boolean | number> => {
  const [first = {}, ...others] = workers.map(({ abilities = {} }) => abilities);
  const common: Record<string, boolean | number> = { ...first };
  for (const other of others) {
    for (const [name, value] of Object.entries(common)) {
      const theirs = Object.hasOwn(other, name) ? other[name] : undefined;
      if (typeof value === 'number' && typeof theirs === 'number') common[name] = Math.min(value, theirs);
      else if (typeof value === 'boolean' && typeof theirs === 'boolean') common[name] = value && theirs;
      else delete common[name];
    }
  }
  return common;
};
