/** Starting a worker: on which hive, and under a name that means one thing only. */
import { localAlias } from '../../config/hive-entry.ts';
import { RbeeError } from '../../contract/errors.ts';
import {
  formatModelReference,
  looksLikeReference,
  parseModelReference,
  servedName,
} from '../../contract/model-reference.ts';
import type { WorkerSpawnInput } from '../../contract/operations.ts';
import type { WorkerSpec, WorkerView } from '../../contract/worker.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { workerView } from '../fleet/views.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Provision, Wanted, WantedModel } from '../provision/provision.ts';
import { withReferences } from './known-model.ts';

/** How long a hive that has just been started may take to tell of itself. */
const onlineMs = 10_000;

export interface SpawnParts {
  fleet: Fleet;
  provision: Provision;
}

/** Brings what it lacks, and starts it once. Errors: what bringing and starting it are refused for. */
export const spawnWorker = async (
  parts: SpawnParts,
  input: WorkerSpawnInput,
  context: JobContext,
): Promise<WorkerView> => {
  const spec = await provideFor(parts, input, context);
  const { hive = localAlias } = input;
  const { job, signal, narrate } = context;
  const member = parts.fleet.online(hive);
  const worker = await member.connection.client.spawn(spec, { signal, narrate, job });
  member.apply(worker);
  return workerView(worker, hive, false);
};

/** Brings what a spawn would lack, and gives what its hive is to be asked for. Errors: what the spawn would be refused for. */
export const provideFor = async (
  { fleet, provision }: SpawnParts,
  { hive = localAlias, ask = false, ...given }: WorkerSpawnInput,
  context: JobContext,
): Promise<WorkerSpec> => {
  const member = fleet.member(hive);
  // One that is coming up is waited for; one that was stopped is refused at once.
  if (member.status === 'unreachable') await member.online(onlineMs, context.signal);
  const spec = await withReferences(fleet.online(hive).connection.client, given);
  refuseClash(fleet, spec, hive);
  await provision.launch(hive, { worker: spec }, wantedOf(spec, given), ask ? context : { ...context, ask: sayNo });
  return spec;
};

const sayNo = async (): Promise<string> => 'no';

/**
 * `spec` is what the hive is asked for, `given` what a person wrote: a name that the hive has resolved is asked of it, and
 * never fetched by the queen.
 */
const wantedOf = ({ type, variant, options, model, components }: WorkerSpec, given: WorkerSpec): Wanted => {
  const about = { type, ...(options && { options }) };
  const one = (reference: string, written: string | undefined, component?: string): WantedModel => ({
    request: { ...about, model: reference, ...(component !== undefined && { component }) },
    isWritten: written !== undefined && looksLikeReference(written),
  });
  const parts = Object.entries(components ?? {}).map(([name, text]): [string, WantedModel] => [
    name,
    one(text, given.components?.[name], name),
  ]);
  const main: [string, WantedModel][] = model === undefined ? [] : [['main', one(model, given.model)]];
  return { type, variant, options, models: Object.fromEntries([...main, ...parts]) };
};

/**
 * A served name means one model in the whole fleet, which only the queen can see to. Ids need only be unique on their hive:
 * no hive may keep another from using one.
 */
const refuseClash = (fleet: Fleet, spec: Omit<WorkerSpawnInput, 'hive'>, hive: string): void => {
  const reference = spec.model === undefined ? undefined : parseModelReference(spec.model);
  const name = spec.name ?? (reference && servedName(reference));
  const written = reference && formatModelReference(reference);
  for (const worker of fleet.workers()) {
    if (worker.hive === hive) continue;
    if (worker.state === 'stopped' || worker.state === 'failed') continue;
    if (name === undefined || !worker.names.includes(name)) continue;
    // Without a model it is the type that is served.
    const isSame =
      written === undefined ? worker.reference === null && worker.type === spec.type : worker.reference === written;
    if (isSame) continue;
    throw RbeeError.of('NAME_CONFLICT', { name, model: worker.reference ?? worker.type, worker: worker.id });
  }
};
