/** Reads the answers of a hive, each checked against its schema. */
import { BadInput } from '../boundary/bad-input.ts';
import { checked } from '../boundary/checked.ts';
import {
  catalog,
  errorBody,
  healthBody,
  heartbeats,
  hiveDevices,
  hiveNeeds,
  hiveState,
  hiveWorker,
  modelAnswers,
  narrations,
  pluginAnswers,
} from '../contract/api/hive-answers.ts';
import type {
  CatalogEntry,
  HealthBody,
  Heartbeat,
  HiveDevices,
  HiveState,
  HiveWorker,
} from '../contract/api/hive-api.ts';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { ErrorBody } from '../contract/errors.ts';
import type { ModelAction, ModelResults } from '../contract/models.ts';
import type { PluginAction, PluginResults } from '../contract/plugins.ts';
import type { HiveNeed } from '../contract/worker-type/needs.ts';

type Read<Value> = (value: unknown) => Value;
type Readers<Results> = { readonly [Action in keyof Results]: Read<Results[Action]> };

export const readHealth: Read<HealthBody> = checked(healthBody);
export const readDevices: Read<HiveDevices> = checked(hiveDevices);
export const readCatalog: Read<CatalogEntry[]> = checked(catalog);
export const readWorker: Read<HiveWorker> = checked(hiveWorker);
export const readErrorBody: Read<ErrorBody> = checked(errorBody);

const readersOf = <Results>(schemas: { readonly [Action in keyof Results]: Parameters<typeof checked>[0] }) =>
  Object.fromEntries(
    Object.entries(schemas).map(([action, schema]) => [action, checked(schema as Parameters<typeof checked>[0])]),
  ) as unknown as Readers<Results>;

export const readPlugins = readersOf<PluginResults>(pluginAnswers satisfies Record<PluginAction, unknown>);
export const readModels = readersOf<ModelResults>(modelAnswers satisfies Record<ModelAction, unknown>);

const uniqueWorkers = (state: HiveState): HiveState => {
  const ids = new Set<string>();
  for (const { id } of state.workers) {
    if (ids.has(id)) throw new BadInput(`it lists two workers with the id ${id}`);
    ids.add(id);
  }
  return state;
};

const readFields = checked<HiveState>(hiveState);
export const readState: Read<HiveState> = (value) => uniqueWorkers(readFields(value));

/** Reads a value with the schema for its `kind`. Null for a kind that only a newer version knows. */
const byKind = <Value>(schemas: Readonly<Record<string, Parameters<typeof checked>[0]>>): Read<Value | null> => {
  const readers = new Map(Object.entries(schemas).map(([kind, schema]) => [kind, checked<Value>(schema)]));
  return (value) => {
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
    if (typeof kind !== 'string') throw new BadInput('kind is missing');
    return readers.get(kind)?.(value) ?? null;
  };
};

const readBeat = byKind<Heartbeat>(heartbeats);
export const readHeartbeat: Read<Heartbeat | null> = (value) => {
  const beat = readBeat(value);
  if (beat?.kind === 'state') uniqueWorkers(beat.state);
  return beat;
};

const readNeed = byKind<HiveNeed>(hiveNeeds);
/** Null where nothing is missing, and for a need that only a newer version knows. */
export const readNeeds: Read<HiveNeed | null> = (value) => (value === null ? null : readNeed(value));

/** Events that only the queen may send: a question, a plan, generated text. */
const queenOnly = new Set(['ask', 'plan', 'text']);
const readNarrationEvent = byKind<NarrationEvent>(narrations);

/** Null for an event that only a newer version knows. Throws BadInput for one that only the queen may send. */
export const readNarration: Read<NarrationEvent | null> = (value) => {
  const event = readNarrationEvent(value);
  const kind = event === null ? (value as { kind: string }).kind : event.kind;
  if (queenOnly.has(kind)) throw new BadInput(`it narrated "${kind}", which only the queen may`);
  return event;
};
